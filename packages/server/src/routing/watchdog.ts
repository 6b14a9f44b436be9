import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';

/**
 * Times out waits that follow each other; there is at most one at a time. After a timeout it calls `expire`, in which its
 * subclass ends the work; the wait then ends in the usual way. With `Promise.race` against a timer, the read would continue
 * after the timeout.
 *
 * Every read begins a wait. So `arm` only notes the time, unless the running timer would fire too late. A timer that fires
 * too early starts again for the remaining time. A new start of the timer for each wait costs three times as much.
 *
 * The attempt extends this class: a separate watchdog would be one more object to touch at each event.
 */
export abstract class Watchdog implements QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly timers: TimerQueue;
  private armed = false;
  private armedMs = 0;
  private timeoutMs = 0;

  /** It is not armed. The subclass calls `releaseTimer` when it closes. */
  constructor(timers: TimerQueue) {
    this.timers = timers;
  }

  /** Called when a wait took longer than its `timeoutMs`. */
  protected abstract expire(timeoutMs: number): void;

  /** Begins a wait of at most `timeoutMs` milliseconds; a wait that has not ended is replaced. */
  protected arm(timeoutMs: number): void {
    // V8 allocates no object for a small whole number.
    const nowMs = Math.floor(this.timers.now());
    this.armed = true;
    this.armedMs = nowMs;
    this.timeoutMs = timeoutMs;
    if (this.place === notQueued || this.dueMs > nowMs + timeoutMs) this.timers.start(this, timeoutMs);
  }

  /** The wait has ended in time. */
  protected disarm(): void {
    this.armed = false;
  }

  /** Ends the watch. `arm` must not be called again. */
  protected releaseTimer(): void {
    this.armed = false;
    this.timers.stop(this);
  }

  fire(): void {
    if (!this.armed) return;
    const restMs = this.armedMs + this.timeoutMs - this.timers.now();
    if (restMs > 0) {
      this.timers.start(this, restMs);
      return;
    }
    this.armed = false;
    this.expire(this.timeoutMs);
  }
}
