import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';

/**
 * Times out waits that follow each other; there is at most one at a time. After a timeout it calls `expire` of its owner,
 * which ends the work; the wait then ends in the usual way. With `Promise.race` against a timer, the read would continue
 * after the timeout.
 *
 * Every read begins a wait. So `arm` only notes the time, unless the running timer would fire too late. A timer that fires
 * too early starts again for the remaining time. A new start of the timer for each wait costs three times as much.
 */
export interface Watchdog {
  /** Begins a wait of at most `timeoutMs` milliseconds; a wait that has not ended is replaced. */
  arm(timeoutMs: number): void;
  /** The wait has ended in time. */
  disarm(): void;
  /** Releases the timer. `arm` must not be called again. */
  close(): void;
}

/** Whose waits a watchdog times out. */
export interface WatchdogOwner {
  /** Called when a wait took longer than its `timeoutMs`. */
  expire(timeoutMs: number): void;
}

/** Creates a watchdog that is not armed. The caller closes it. */
export function createWatchdog(owner: WatchdogOwner, timers: TimerQueue): Watchdog {
  return new NotingWatchdog(owner, timers);
}

class NotingWatchdog implements Watchdog, QueuedTimer {
  dueMs = 0;
  place = notQueued;
  private readonly owner: WatchdogOwner;
  private readonly timers: TimerQueue;
  private armed = false;
  private armedMs = 0;
  private timeoutMs = 0;

  constructor(owner: WatchdogOwner, timers: TimerQueue) {
    this.owner = owner;
    this.timers = timers;
  }

  arm(timeoutMs: number): void {
    // V8 allocates no object for a small whole number.
    const nowMs = Math.floor(this.timers.now());
    this.armed = true;
    this.armedMs = nowMs;
    this.timeoutMs = timeoutMs;
    if (this.place === notQueued || this.dueMs > nowMs + timeoutMs) this.timers.start(this, timeoutMs);
  }

  disarm(): void {
    this.armed = false;
  }

  close(): void {
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
    this.owner.expire(this.timeoutMs);
  }
}
