import type { Failure } from '../domain/failure.ts';
import type { StreamEnding, StreamFacts, StreamFollower, StreamHead, StreamView } from './contract.ts';
import { KeptEvents } from './kept-events.ts';
import { PagePool } from './page-pool.ts';

/**
 * What this process has of a stream, acknowledged and in order, and who follows it. Each journal fills it in its own way: from
 * the run at once, from the run after the store's acknowledgement, or from another process. What is not here any more, `load`
 * of the journal brings.
 */
export class StreamImage extends KeptEvents implements StreamView {
  readonly facts: StreamFacts;
  head: StreamHead | undefined;
  ending: StreamEnding | undefined;
  broken: Failure | undefined;
  /** The oldest event that the journal keeps, here or in its store. Undefined: that of this image. */
  private oldest: number | undefined;
  private readonly source: ImageSource;
  /** The follower that came first, which is the only one of most streams. */
  private follower: StreamFollower | undefined;
  private others: Set<StreamFollower> | undefined;
  private gathering = false;
  private changedWhileGathering = false;
  /** The followers that have not been called yet since the last change, where there are many. */
  private calling: Iterator<StreamFollower> | undefined;
  private changedWhileCalling = false;

  /**
   * `first`: the number of the first event that will be added. `pages`: shared by images whose owner releases each of them
   * ({@link StreamImage.restart}); by default an image has its own, which a collection takes with it.
   */
  constructor(facts: StreamFacts, source: ImageSource, first = 1, pages = new PagePool(ownSlabPages)) {
    super(pages, first);
    this.facts = facts;
    this.source = source;
  }

  get first(): number {
    return this.oldest ?? this.firstEvent;
  }

  get last(): number {
    return this.lastEvent + (this.ending?.payload === undefined ? 0 : 1);
  }

  /** No event is in this process. */
  get isEmpty(): boolean {
    return this.lastEvent < this.firstEvent;
  }

  /** How many followers there are. */
  get followed(): number {
    return (this.follower === undefined ? 0 : 1) + (this.others?.size ?? 0);
  }

  /** What this image takes, in whole pages; with the payload of the ending. */
  get bytes(): number {
    return this.heldBytes + (this.ending?.payload?.length ?? 0);
  }

  load(number: number): Promise<readonly string[]> {
    return this.source.load(this, number);
  }

  follow(follower: StreamFollower): () => void {
    if (this.follower === undefined) this.follower = follower;
    else {
      this.others ??= new Set();
      this.others.add(follower);
    }
    this.source.followed(this);
    return () => {
      if (this.remove(follower)) this.source.followed(this);
    };
  }

  private remove(follower: StreamFollower): boolean {
    if (this.follower !== follower) return this.others?.delete(follower) === true;
    this.follower = undefined;
    return true;
  }

  private has(follower: StreamFollower): boolean {
    return this.follower === follower || this.others?.has(follower) === true;
  }

  /** Drops the oldest events until the image takes no more than so many bytes, or only the newest is left. */
  keepNewest(bytes: number): void {
    while (this.bytes > bytes && this.dropOldest());
  }

  /** The store keeps events from this number on. */
  keptFrom(number: number): void {
    this.oldest = number;
  }

  gather(): void {
    this.gathering = true;
  }

  flush(): void {
    this.gathering = false;
    if (!this.changedWhileGathering) return;
    this.changedWhileGathering = false;
    this.changed();
  }

  /** Calls the followers. Where there are many, some in each turn of the event loop: a call is mostly a write to a socket. */
  changed(): void {
    if (this.gathering) {
      this.changedWhileGathering = true;
      return;
    }
    if (this.calling !== undefined) {
      this.changedWhileCalling = true;
      return;
    }
    const { follower, others } = this;
    if (others === undefined || others.size < followersPerTurn) {
      follower?.more();
      if (others !== undefined) for (const other of others) other.more();
      this.shown();
      return;
    }
    this.calling = [...(follower === undefined ? [] : [follower]), ...others].values();
    this.callSome();
  }

  private callSome(): void {
    for (let called = 0; called < followersPerTurn; called += 1) {
      const next = this.calling?.next();
      if (next === undefined || next.done === true) {
        this.calling = undefined;
        if (this.changedWhileCalling) {
          this.changedWhileCalling = false;
          this.changed();
        } else this.shown();
        return;
      }
      // One that has left meanwhile does nothing.
      if (this.has(next.value)) next.value.more();
    }
    setImmediate(() => this.callSome());
  }
}

/** The journal to which an image belongs. */
export interface ImageSource {
  /** As {@link StreamView.load}. */
  load(image: StreamImage, number: number): Promise<readonly string[]>;
  /** A follower has come or left. */
  followed(image: StreamImage): void;
}

/** One call is 10 to 20 µs. */
const followersPerTurn = 64;

/** 16 KiB. */
const ownSlabPages = 8;
