import { Agent, get } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * The thread of livez-watch.ts. A probe counts from its sending to the end of its answer; the longest delay of this
 * thread's own event loop is taken off, because a machine with two busy processors delays the watch as well.
 */

const { port } = workerData as { readonly port: number };
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const everyMs = 20;
const giveUpMs = 10_000;
let seen = { probes: 0, longestMs: 0, failed: 0 };

function probe(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/livez', agent, timeout: giveUpMs }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function watch(): Promise<never> {
  const ownDelay = monitorEventLoopDelay({ resolution: 5 });
  ownDelay.enable();
  for (;;) {
    ownDelay.reset();
    const startedMs = performance.now();
    const good = await probe();
    const tookMs = performance.now() - startedMs;
    const ownMs = ownDelay.count === 0 ? 0 : ownDelay.max / 1e6;
    seen = {
      probes: seen.probes + 1,
      longestMs: Math.max(seen.longestMs, tookMs - ownMs),
      failed: seen.failed + (good ? 0 : 1),
    };
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

parentPort?.on('message', () => {
  parentPort?.postMessage(seen);
  seen = { probes: 0, longestMs: 0, failed: 0 };
});
void watch();
