import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until `probe` gives something, at most `withinMs`. The bound is there so that a test
 * fails with a message instead of hanging; it does not check speed unless the test says so.
 */
export async function until<T>(
  what: string,
  withinMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await sleep(15);
  }
}
