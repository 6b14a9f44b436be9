import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into a server by `--import` (see loop-probe.ts): a test that connects to the socket at TAILRACE_TEST_LOOP gets how late
 * the event loop of the main thread, which serves, has been since the last connection.
 */

const path = process.env['TAILRACE_TEST_LOOP'];
if (path !== undefined && isMainThread) {
  // Of a server before this one, which was killed.
  rmSync(path, { force: true });
  const resolution = 5;
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  // The histogram holds the time between two timers, so an idle loop shows the resolution.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution);
  createServer((socket) => {
    socket.on('error', () => {});
    const measured = {
      p99Ms: late(delays.percentile(99)),
      maxMs: late(delays.max),
      residentMiB: process.memoryUsage.rss() / 1024 ** 2,
    };
    delays.reset();
    socket.end(JSON.stringify(measured));
  })
    .listen(path)
    .unref();
}
