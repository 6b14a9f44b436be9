import type { Histogram } from '../telemetry/contract.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';
import type { AddedTime } from './added-time.ts';

export interface SilenceOptions {
  readonly holdHeadMs: number;
  /** Undefined: no keepalives. */
  readonly keepaliveAfterMs: number | undefined;
  /** Monotonic milliseconds, the clock of `timers`. */
  readonly now: () => number;
  readonly timers: TimerQueue;
  readonly gaps: Histogram;
  /** Called once, when the first event is about to be written. Default: nothing happens. */
  readonly added?: Pick<AddedTime, 'written'> | undefined;
}

/**
 * What happens while no event comes: the head that is held back leaves after a while, and an open stream shows that it is
 * alive.
 *
 *     start ──holdHeadMs──▶ headDue          start / last event ──keepaliveAfterMs──▶ silent ────┐
 *                                                                          ▲─────────────────────┘
 * Between two events the gap is counted. Both waits share one entry of the timer queue, which is the watch itself: an event only
 * notes the time, and an entry that fires too early is started again for the time that is left.
 *
 * The reader of a stream extends this class: a separate watch would be one more object to touch at each event.
 */
export abstract class Silence implements QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly keepaliveAfterMs: number | undefined;
  private readonly now: () => number;
  private readonly timers: TimerQueue;
  private readonly gaps: Histogram;
  /** Until the first event. */
  private added: SilenceOptions['added'];
  /** Whole milliseconds: V8 stores a fraction as an object of its own. `noEvent` before the first one. */
  private lastEventMs = noEvent;
  /** The start, or the last sign of life in a silence. */
  private lastSignMs: number;
  /** When the head is due; undefined once it was. */
  private headMs: number | undefined;
  private watchEnded = false;

  constructor({ holdHeadMs, keepaliveAfterMs, now, timers, gaps, added }: SilenceOptions) {
    this.keepaliveAfterMs = keepaliveAfterMs;
    this.now = now;
    this.timers = timers;
    this.gaps = gaps;
    this.added = added;
    this.lastSignMs = Math.floor(now());
    this.headMs = this.lastSignMs + holdHeadMs;
    this.sleep();
  }

  /** The head must leave now. */
  protected abstract headDue(): void;
  /** The stream must show that it is alive. */
  protected abstract silent(): void;

  /** Called for each event that is sent, and once for several that are sent together. */
  protected note(): void {
    const nowMs = Math.floor(this.now());
    if (this.lastEventMs === noEvent) this.noteFirst();
    else this.gaps.note(nowMs - this.lastEventMs);
    this.lastEventMs = nowMs;
  }

  private noteFirst(): void {
    this.added?.written();
    this.added = undefined;
  }

  protected endWatch(): void {
    this.watchEnded = true;
    this.timers.stop(this);
  }

  fire(): void {
    const nowMs = this.now();
    if (this.headMs !== undefined && nowMs >= this.headMs) {
      this.headMs = undefined;
      this.headDue();
    }
    if (!this.watchEnded && nowMs >= this.silentMs()) {
      this.silent();
      this.lastSignMs = Math.floor(this.now());
    }
    // The reader may have ended this watch, because its connection has ended.
    if (!this.watchEnded) this.sleep();
  }

  /** When the stream counts as silent. */
  private silentMs(): number {
    return Math.max(this.lastEventMs, this.lastSignMs) + (this.keepaliveAfterMs ?? Number.POSITIVE_INFINITY);
  }

  private sleep(): void {
    const nextMs = Math.min(this.headMs ?? Number.POSITIVE_INFINITY, this.silentMs());
    if (Number.isFinite(nextMs)) this.timers.start(this, Math.max(1, nextMs - this.now()));
  }
}

/** Monotonic time is never negative. */
const noEvent = -1;
