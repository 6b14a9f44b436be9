/**
 * One timer for one wait after another. A promise raced against a timer would leave the loser running;
 * this one aborts the work and lets it end by itself.
 */
export interface Watchdog {
  /** Starts, or starts again, with this patience in milliseconds. */
  arm(patienceMs: number): void;
  disarm(): void;
  /** Releases the timer; nothing may be armed after it. */
  close(): void;
}

export function createWatchdog(onExpired: (patienceMs: number) => void): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let armedMs = 0;
  let armed = false;
  return {
    // This runs once a read: refresh() moves a timer without making another, and disarming leaves it in
    // place to fire into nothing. Unref'd, so that such a timer keeps no process alive.
    arm: (patienceMs) => {
      armed = true;
      if (timer !== undefined && armedMs === patienceMs) {
        timer.refresh();
        return;
      }
      clearTimeout(timer);
      armedMs = patienceMs;
      timer = setTimeout(() => {
        if (armed) onExpired(patienceMs);
      }, patienceMs);
      timer.unref();
    },
    disarm: () => {
      armed = false;
    },
    close: () => {
      armed = false;
      clearTimeout(timer);
    },
  };
}
