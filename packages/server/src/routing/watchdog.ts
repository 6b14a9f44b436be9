/**
 * Times out waits that follow each other; there is at most one at a time. After a timeout it calls `onExpired`, which
 * aborts the work; the wait then ends in the usual way. With `Promise.race` against a timer, the read would continue after
 * the timeout.
 *
 * Every read begins a wait. So `arm` only notes the time, unless the running timer would fire too late. A timer that fires
 * too early starts again for the remaining time. A new timer for each wait costs three times as much.
 */
export interface Watchdog {
  /** Begins a wait of at most `timeoutMs` milliseconds; a wait that has not ended is replaced. */
  arm(timeoutMs: number): void;
  /** The wait has ended in time. */
  disarm(): void;
  /** Releases the timer. `arm` must not be called again. */
  close(): void;
}

export interface WatchdogDeps {
  /** Called when a wait took longer than its `timeoutMs`. */
  onExpired(timeoutMs: number): void;
  /** Monotonic milliseconds. */
  now(): number;
}

/** Creates a watchdog that is not armed. The caller closes it. */
export function createWatchdog(deps: WatchdogDeps): Watchdog {
  return new NotingWatchdog(deps);
}

class NotingWatchdog implements Watchdog {
  private readonly deps: WatchdogDeps;
  private armed = false;
  private armedMs = 0;
  private timeoutMs = 0;
  /** When the timer fires: never later than the timeout of the current wait. */
  private timerMs = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(deps: WatchdogDeps) {
    this.deps = deps;
  }

  arm(timeoutMs: number): void {
    // V8 allocates no object for a small whole number.
    const nowMs = Math.floor(this.deps.now());
    this.armed = true;
    this.armedMs = nowMs;
    this.timeoutMs = timeoutMs;
    if (this.timer !== undefined && this.timerMs <= nowMs + timeoutMs) return;
    clearTimeout(this.timer);
    this.sleep(nowMs, timeoutMs);
  }

  disarm(): void {
    this.armed = false;
  }

  close(): void {
    this.armed = false;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private sleep(fromMs: number, ms: number): void {
    this.timerMs = fromMs + ms;
    this.timer = setTimeout(() => this.fire(), Math.max(1, ms));
    // The timer may outlive its wait, and must not keep the process alive.
    this.timer.unref();
  }

  private fire(): void {
    this.timer = undefined;
    if (!this.armed) return;
    const nowMs = Math.floor(this.deps.now());
    const restMs = this.armedMs + this.timeoutMs - nowMs;
    if (restMs > 0) {
      this.sleep(nowMs, restMs);
      return;
    }
    this.armed = false;
    this.deps.onExpired(this.timeoutMs);
  }
}
