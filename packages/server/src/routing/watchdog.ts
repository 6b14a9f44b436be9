/**
 * One timer for one wait after another. A promise raced against a timer would leave the loser running;
 * this one aborts the work and lets it end by itself.
 *
 * A wait begins with every read, so arming only notes the time: the timer, when it fires early, sleeps the
 * rest. Moving it each time costs three times as much.
 */
export interface Watchdog {
  /** Starts, or starts again, with this patience in milliseconds. */
  arm(patienceMs: number): void;
  disarm(): void;
  /** Releases the timer; nothing may be armed after it. */
  close(): void;
}

export interface WatchdogDeps {
  onExpired(patienceMs: number): void;
  /** Monotonic milliseconds. */
  now(): number;
}

export function createWatchdog({ onExpired, now }: WatchdogDeps): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  /** When the timer fires, no later than the wait under way ends. */
  let dueMs = 0;
  let armedMs = 0;
  let patienceMs = 0;
  let armed = false;

  function sleep(fromMs: number, ms: number): void {
    dueMs = fromMs + ms;
    timer = setTimeout(fire, Math.max(1, ms));
    // It may outlive the wait it was made for, and must not keep a process alive then.
    timer.unref();
  }

  function fire(): void {
    timer = undefined;
    if (!armed) return;
    const nowMs = now();
    const restMs = armedMs + patienceMs - nowMs;
    if (restMs > 0) sleep(nowMs, restMs);
    else {
      armed = false;
      onExpired(patienceMs);
    }
  }

  return {
    arm: (ms) => {
      armed = true;
      armedMs = now();
      patienceMs = ms;
      if (timer !== undefined && dueMs <= armedMs + ms) return;
      clearTimeout(timer);
      sleep(armedMs, ms);
    },
    disarm: () => {
      armed = false;
    },
    close: () => {
      armed = false;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
