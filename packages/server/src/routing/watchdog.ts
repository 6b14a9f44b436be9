/**
 * One timer for one wait after another. A promise raced against a timer would leave the loser running;
 * this one aborts the work and lets it end by itself.
 *
 * A wait begins with every read, so arming only notes the time: the timer, when it fires early, sleeps the
 * rest. Moving it each time costs three times as much.
 */
export interface Watchdog {
  /** Starts, or starts again, with this patience in milliseconds. */
  arm(timeoutMs: number): void;
  disarm(): void;
  /** Releases the timer; nothing may be armed after it. */
  close(): void;
}

export interface WatchdogDeps {
  onExpired(timeoutMs: number): void;
  /** Monotonic milliseconds. */
  now(): number;
}

export function createWatchdog(deps: WatchdogDeps): Watchdog {
  return new NotingWatchdog(deps);
}

class NotingWatchdog implements Watchdog {
  private readonly deps: WatchdogDeps;
  private armed = false;
  private armedMs = 0;
  private timeoutMs = 0;
  /** When the timer fires, no later than the wait under way ends. */
  private dueMs = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(deps: WatchdogDeps) {
    this.deps = deps;
  }

  arm(timeoutMs: number): void {
    // Whole milliseconds are numbers without an object of their own.
    const nowMs = Math.floor(this.deps.now());
    this.armed = true;
    this.armedMs = nowMs;
    this.timeoutMs = timeoutMs;
    if (this.timer !== undefined && this.dueMs <= nowMs + timeoutMs) return;
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
    this.dueMs = fromMs + ms;
    this.timer = setTimeout(() => this.fire(), Math.max(1, ms));
    // It may outlive the wait it was made for, and must not keep a process alive then.
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
