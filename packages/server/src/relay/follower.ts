import type { Failure } from '../domain/failure.ts';
import { eventsGone, streamsUnavailable } from '../journal/broken-streams.ts';
import type { StreamFollower, StreamView } from '../journal/contract.ts';
import type { Reader } from './reader.ts';
import type { Attachment } from './run.ts';

/** A reader of a kept stream, from its attachment to its end. */
export interface FollowedStream extends Attachment {
  /** Resolves when the reader has ended, or has been detached. Never rejects. */
  readonly ended: Promise<FollowEnd>;
}

/** `gone`: the reader was detached before the end. A failure: why it has no whole answer. */
export type FollowEnd = 'whole' | 'gone' | Failure;

export interface FollowOptions {
  /** How many events the reader has received before. */
  readonly after: number;
  /** The connection of the request that began the stream: it reads on where the stream is lost. */
  readonly own: boolean;
  /** Makes the error event of the stream's surface, for failures that concern this reader only. */
  errorEvent(reason: Failure): string;
}

/**
 * Hands a kept stream to a reader: the events after `after` that are there, and those to come, at the reader's own pace. A
 * reader that is slow or has a bug delays neither the run nor other readers.
 */
export function followStream(view: StreamView, reader: Reader, options: FollowOptions): FollowedStream {
  const follower = new Follower(view, reader, options);
  follower.start();
  return follower;
}

class Follower implements StreamFollower, FollowedStream {
  readonly own: boolean;
  readonly ended: Promise<FollowEnd>;
  private readonly view: StreamView;
  private readonly reader: Reader;
  private readonly errorEvent: FollowOptions['errorEvent'];
  /** False for an answer of one body. */
  private readonly streams: boolean;
  private settle: (end: FollowEnd) => void = () => {};
  private leave: (() => void) | undefined;
  /** The number of the last event that the reader has. */
  private at: number;
  private begun = false;
  private numbered = true;
  /** It waits for the reader, for `load`, or for its next turn of the event loop. */
  private waiting = false;
  private over = false;
  /** Payloads that `load` has brought; the first one is event `at + 1`. */
  private loaded: readonly string[] = none;
  private loadedAt = 0;
  private controller: AbortController | undefined;

  constructor(view: StreamView, reader: Reader, { after, own, errorEvent }: FollowOptions) {
    this.view = view;
    this.reader = reader;
    this.at = after;
    this.own = own;
    this.errorEvent = errorEvent;
    this.streams = view.facts.stream;
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  start(): void {
    this.leave = this.view.follow(this);
    // Its reader may have ended at once.
    if (this.over) this.leave();
    this.more();
    if (!this.over && this.begun && !this.waiting) this.reader.idle?.();
  }

  readonly detach = (): void => {
    if (this.over) return;
    this.giveUp();
  };

  /** Hands on what is there. A bug in the reader ends only this reader. */
  more(): void {
    if (this.waiting || this.over) return;
    try {
      this.handOn();
    } catch {
      this.giveUp();
    }
  }

  private handOn(): void {
    const { view, reader } = this;
    if (!this.begun && view.head !== undefined) {
      this.begun = true;
      reader.begin({ ...view.head, target: view.head.target, keepalive: noKeepalive });
    }
    const { ending } = view;
    if (view.broken !== undefined && this.isCut(view.broken) && !this.passesBreak(view.broken)) return;
    const last = ending?.payload === undefined ? view.last : view.last - 1;
    const lastEvent = this.streams ? last : 0;
    if (this.at < lastEvent && !this.handOnEvents(lastEvent)) return;
    if (ending === undefined) return;
    if (this.at > lastEvent) {
      // The reader has had the ending already.
      this.giveUp();
      return;
    }
    if (ending.type === 'torn' && ending.payload === '') {
      this.refuse(ending.failure);
      return;
    }
    this.finish(ending.type === 'whole' ? 'whole' : ending.failure);
    if (ending.type === 'whole') reader.end(ending.payload);
    else reader.fail(ending.failure, () => ending.payload);
  }

  /** Hands on the events up to number `lastEvent`. False where it has to wait, or the reader has ended. */
  private handOnEvents(lastEvent: number): boolean {
    const { reader } = this;
    const together = lastEvent - this.at > 1;
    if (together) reader.gather?.();
    const until = Math.min(lastEvent, this.at + eventsPerTurn);
    let takes = true;
    while (this.at < until && takes) {
      const payload = this.next();
      if (payload === undefined) break;
      takes = reader.event(payload);
      this.at += 1;
      // That call may have detached the reader.
      if (this.over) return false;
    }
    if (together && reader.flush?.() === false) takes = false;
    if (this.over) return false;
    if (!takes) this.waitForReader();
    else if (this.at >= lastEvent) return true;
    else if (this.at >= until) this.waitForTurn();
    else this.load();
    return false;
  }

  private next(): string | undefined {
    const loaded = this.loaded[this.loadedAt];
    if (loaded !== undefined) {
      this.loadedAt += 1;
      return loaded;
    }
    this.loaded = none;
    this.loadedAt = 0;
    return this.view.event(this.at + 1);
  }

  /** A stream that was dropped after its end is read to this end. One that was lost has an ending that no store has. */
  private isCut({ code }: Failure): boolean {
    return this.view.ending === undefined || code === 'storage_unavailable';
  }

  /** True where the reader may read on in a stream that is broken: only the own one, which gets no more numbers. */
  private passesBreak(reason: Failure): boolean {
    if (this.own && reason.code === 'storage_unavailable') {
      if (this.numbered) this.reader.unnumbered?.();
      this.numbered = false;
      return true;
    }
    this.refuse(reason);
    return false;
  }

  /** Ends the reader for a reason that is not part of the stream. */
  private refuse(reason: Failure): void {
    this.finish(reason);
    this.reader.unnumbered?.();
    this.reader.fail(reason, () => this.errorEvent(reason));
  }

  private load(): void {
    const { view } = this;
    if (this.at + 1 < view.first) {
      this.refuse(this.whyGone());
      return;
    }
    this.waiting = true;
    view.load(this.at + 1).then(
      (payloads) => {
        this.loaded = payloads;
        this.loadedAt = 0;
        this.resume();
      },
      () => {
        this.waiting = false;
        if (!this.over)
          this.refuse(this.at + 1 < view.first ? this.whyGone() : (view.broken ?? streamsUnavailable));
      },
    );
  }

  /** Why the next event is not kept any more: the whole stream is not, or its oldest events. */
  private whyGone(): Failure {
    return this.view.broken ?? eventsGone(this.view.first);
  }

  private waitForReader(): void {
    this.waiting = true;
    this.controller ??= new AbortController();
    this.reader.drained(this.controller.signal).then(
      () => this.resume(),
      () => this.detach(),
    );
  }

  private waitForTurn(): void {
    this.waiting = true;
    setImmediate(() => this.resume());
  }

  private resume(): void {
    this.waiting = false;
    this.more();
  }

  private finish(end: FollowEnd): void {
    this.over = true;
    this.leave?.();
    this.loaded = none;
    this.settle(end);
  }

  private giveUp(): void {
    if (!this.over) this.finish('gone');
    this.controller?.abort();
    try {
      this.reader.abandon();
    } catch {
      // A second bug of the same reader: nothing more can be done for it.
    }
  }
}

const none: readonly string[] = [];

/** Keepalives of a kept stream are comments: a chunk would be an event without a number. */
function noKeepalive(): undefined {}

/** The most events that one reader gets in one turn of the event loop, so that a long replay delays no other stream. */
const eventsPerTurn = 256;
