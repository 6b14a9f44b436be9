import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';

/**
 * What happens while no event comes: the head that is held back leaves after a while, and an open stream shows that it is
 * alive.
 *
 *     start ──holdHeadMs──▶ headDue          start / last event ──keepaliveAfterMs──▶ silent ────┐
 *                                                                          ▲─────────────────────┘
 * Both waits share one entry of the timer queue, which is the watch itself: an event only notes the time, and an entry that
 * fires too early is started again for the time that is left.
 */
export interface Silence {
  /** Called for each event that was sent. */
  note(): void;
  close(): void;
}

export interface SilenceOptions {
  readonly holdHeadMs: number;
  /** Undefined: no keepalives. */
  readonly keepaliveAfterMs: number | undefined;
  /** Monotonic milliseconds, the clock of `timers`. */
  readonly now: () => number;
  readonly timers: TimerQueue;
}

export interface SilenceListener {
  headDue(): void;
  silent(): void;
}

export function watchSilence(options: SilenceOptions, listener: SilenceListener): Silence {
  return new SilenceWatch(options, listener);
}

class SilenceWatch implements Silence, QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly keepaliveAfterMs: number | undefined;
  private readonly now: () => number;
  private readonly listener: SilenceListener;
  private readonly timers: TimerQueue;
  /** Whole milliseconds: V8 stores a fraction as an object of its own. */
  private lastEventMs: number;
  /** When the head is due; undefined once it was. */
  private headMs: number | undefined;
  private closed = false;

  constructor({ holdHeadMs, keepaliveAfterMs, now, timers }: SilenceOptions, listener: SilenceListener) {
    this.keepaliveAfterMs = keepaliveAfterMs;
    this.now = now;
    this.listener = listener;
    this.timers = timers;
    this.lastEventMs = Math.floor(now());
    this.headMs = this.lastEventMs + holdHeadMs;
    this.sleep();
  }

  note(): void {
    this.lastEventMs = Math.floor(this.now());
  }

  close(): void {
    this.closed = true;
    this.timers.stop(this);
  }

  fire(): void {
    const nowMs = this.now();
    if (this.headMs !== undefined && nowMs >= this.headMs) {
      this.headMs = undefined;
      this.listener.headDue();
    }
    if (!this.closed && nowMs >= this.silentMs()) {
      this.listener.silent();
      this.note();
    }
    // The listener may have closed this watch, because the connection has ended.
    if (!this.closed) this.sleep();
  }

  /** When the stream counts as silent. */
  private silentMs(): number {
    return this.lastEventMs + (this.keepaliveAfterMs ?? Number.POSITIVE_INFINITY);
  }

  private sleep(): void {
    const nextMs = Math.min(this.headMs ?? Number.POSITIVE_INFINITY, this.silentMs());
    if (Number.isFinite(nextMs)) this.timers.start(this, Math.max(1, nextMs - this.now()));
  }
}
