import type { Failure } from '../domain/failure.ts';
import type { StreamEnding, StreamFacts, StreamFollower, StreamHead, StreamView } from './contract.ts';
import { EventBlocks } from './event-blocks.ts';

/**
 * What this process has of a stream, acknowledged and in order, and who follows it. Each journal fills it in its own way: from
 * the run at once, from the run after the store's acknowledgement, or from another process. What is not here any more, `load`
 * of the journal brings.
 */
export class StreamImage implements StreamView {
  readonly facts: StreamFacts;
  head: StreamHead | undefined;
  ending: StreamEnding | undefined;
  broken: Failure | undefined;
  /** The oldest event that the journal keeps, here or in its store. Undefined: that of this image. */
  private oldest: number | undefined;
  private kept: EventBlocks;
  private readonly source: ImageSource;
  private readonly followers = new Set<StreamFollower>();
  private gathering = false;
  private changedWhileGathering = false;
  /** The followers that have not been called yet since the last change, where there are many. */
  private calling: Iterator<StreamFollower> | undefined;
  private changedWhileCalling = false;

  /** `first`: the number of the first event that will be added. */
  constructor(facts: StreamFacts, source: ImageSource, first = 1) {
    this.facts = facts;
    this.source = source;
    this.kept = new EventBlocks(first);
  }

  get first(): number {
    return this.oldest ?? this.kept.first;
  }

  get last(): number {
    return this.kept.last + (this.ending?.payload === undefined ? 0 : 1);
  }

  /** The number of the newest event, without the ending. */
  get lastEvent(): number {
    return this.kept.last;
  }

  /** No event is in this process. */
  get isEmpty(): boolean {
    return this.kept.last < this.kept.first;
  }

  /** How many followers there are. */
  get followed(): number {
    return this.followers.size;
  }

  /** Payload bytes that this image keeps. */
  get bytes(): number {
    return this.kept.bytes + (this.ending?.payload?.length ?? 0);
  }

  event(number: number): string | undefined {
    return this.kept.at(number);
  }

  load(number: number): Promise<readonly string[]> {
    return this.source.load(this, number);
  }

  follow(follower: StreamFollower): () => void {
    this.followers.add(follower);
    this.source.followed(this);
    return () => {
      if (this.followers.delete(follower)) this.source.followed(this);
    };
  }

  /** Adds an event. The followers are called by {@link StreamImage.changed}. */
  add(payload: string): void {
    this.kept.add(payload);
  }

  /** Drops the oldest block of events. False where only the newest are left. */
  dropOldest(): boolean {
    return this.kept.dropOldest();
  }

  /** Drops the oldest blocks until no more than so many payload bytes are left, or only the newest events. */
  keepNewest(bytes: number): void {
    while (this.bytes > bytes && this.dropOldest());
  }

  /** Drops all events of this image; the next one that is added has number `next`. */
  restart(next: number): void {
    this.kept = new EventBlocks(next);
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
    if (this.followers.size <= followersPerTurn) {
      for (const follower of this.followers) follower.more();
      return;
    }
    this.calling = [...this.followers].values();
    this.callSome();
  }

  private readonly callSome = (): void => {
    for (let called = 0; called < followersPerTurn; called += 1) {
      const next = this.calling?.next();
      if (next === undefined || next.done === true) {
        this.calling = undefined;
        if (!this.changedWhileCalling) return;
        this.changedWhileCalling = false;
        this.changed();
        return;
      }
      // One that has left meanwhile does nothing.
      if (this.followers.has(next.value)) next.value.more();
    }
    setImmediate(this.callSome);
  };
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
