import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTimerQueue } from '../timers/timer-queue.ts';
import { Watchdog } from './watchdog.ts';

/** A watchdog on its own: it notes when it expires. */
class LoneWatchdog extends Watchdog {
  readonly expired: number[] = [];
  private readonly startMs = performance.now();

  override arm(timeoutMs: number): void {
    super.arm(timeoutMs);
  }

  override disarm(): void {
    super.disarm();
  }

  override releaseTimer(): void {
    super.releaseTimer();
  }

  protected expire(timeoutMs: number): void {
    this.expired.push(timeoutMs, Math.round(performance.now() - this.startMs));
  }
}

describe('a watchdog', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function setUp() {
    const timers = createTimerQueue(() => performance.now());
    const watchdog = new LoneWatchdog(timers);
    return { watchdog, expired: watchdog.expired, timers };
  }

  it('expires once, when it is not disarmed', () => {
    const { watchdog, expired } = setUp();
    watchdog.arm(100);
    vi.advanceTimersByTime(500);
    expect(expired).toEqual([100, 100]);
  });

  it('measures each wait from its own beginning', () => {
    const { watchdog, expired } = setUp();
    for (let wait = 0; wait < 5; wait += 1) {
      watchdog.arm(100);
      vi.advanceTimersByTime(60);
      watchdog.disarm();
      vi.advanceTimersByTime(30);
    }
    expect(expired).toEqual([]);
    watchdog.arm(100);
    vi.advanceTimersByTime(500);
    expect(expired).toEqual([100, 550]);
  });

  it('uses the timeout of the last arm, be it shorter or longer', () => {
    const { watchdog, expired } = setUp();
    watchdog.arm(1_000);
    watchdog.arm(50);
    vi.advanceTimersByTime(60);
    expect(expired).toEqual([50, 50]);
    watchdog.arm(50);
    watchdog.arm(1_000);
    vi.advanceTimersByTime(2_000);
    expect(expired).toEqual([50, 50, 1_000, 1_060]);
  });

  it('does not expire once it is disarmed or closed', () => {
    const { watchdog, expired, timers } = setUp();
    watchdog.arm(50);
    watchdog.disarm();
    vi.advanceTimersByTime(100);
    watchdog.arm(50);
    watchdog.releaseTimer();
    vi.advanceTimersByTime(100);
    expect(expired).toEqual([]);
    expect(timers.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
