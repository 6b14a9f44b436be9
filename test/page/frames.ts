import type { Page } from 'playwright-core';

/** How a page has drawn while it was watched. */
export interface FrameFigures {
  readonly frames: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** Frames that took more than 100 ms. */
  readonly over100: number;
  /** The longest task, as the browser reports tasks of more than 50 ms. */
  readonly longestTaskMs: number;
}

/** It runs in the page. Its parts are `seenFrames.frames` and `.tasks`, in milliseconds. */
const watcher = `(() => {
  const seen = { frames: [], tasks: [] };
  window.seenFrames = seen;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.tasks.push(duration);
  }).observe({ type: 'longtask' });
  let last = performance.now();
  const note = () => {
    const now = performance.now();
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
})()`;

/** Begins to note the time between frames and the long tasks of the page. */
export async function watchFrames(page: Page): Promise<void> {
  await page.evaluate(watcher);
}

/** What has been noted since {@link watchFrames}, or since the last call of this. */
export async function takeFrames(page: Page): Promise<FrameFigures> {
  const { frames, tasks } = await page.evaluate<{ frames: number[]; tasks: number[] }>(
    '({ frames: seenFrames.frames.splice(0), tasks: seenFrames.tasks.splice(0) })',
  );
  const sorted = frames.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return {
    frames: frames.length,
    medianMs: Math.round(at(0.5)),
    p99Ms: Math.round(at(0.99)),
    longestMs: Math.round(at(1)),
    over100: frames.filter((ms) => ms > 100).length,
    longestTaskMs: Math.round(Math.max(0, ...tasks)),
  };
}

export interface PageWeight {
  readonly elements: number;
  /** Megabytes of JavaScript after a collection. */
  readonly heapMb: number;
}

export async function weigh(page: Page): Promise<PageWeight> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0;
  await session.detach();
  const elements = await page.locator('*').count();
  return { elements, heapMb: Math.round(heap / 1e5) / 10 };
}
