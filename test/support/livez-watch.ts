import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/**
 * The most that a request of /livez may take, in milliseconds. By default so long that only a server that is stuck takes
 * longer, because a busy machine must not fail a test. `npm run soak` sets 400 (`TAILRACE_TEST_LIVEZ_MS`).
 */
export const livezWithinMs = Number(process.env['TAILRACE_TEST_LIVEZ_MS'] ?? 2_000);

/** What the watch has measured since it was last read. */
export interface Waits {
  /** Requests that were answered. */
  readonly probes: number;
  /** The longest wait for an answer, in milliseconds; an answer that has not come yet counts too. */
  readonly longestMs: number;
  /** Requests that failed: refused, reset, or not 200. */
  readonly failed: number;
}

/** Requests `/livez` again and again from a thread of its own. The caller closes it. */
export interface LivezWatch {
  look(): Promise<Waits>;
  /**
   * The longest wait for an answer while `work` ran, in milliseconds. Where it is over the bound the work is done again,
   * three times in all, and the shortest of the three counts: the cores are shared with the test and other processes,
   * while the server's own share is in each measurement.
   */
  worstMsDuring(boundMs: number, work: () => Promise<unknown>): Promise<number>;
  close(): Promise<void>;
}

export function watchLivez(port: number): LivezWatch {
  const worker = new Worker(new URL('livez-worker.ts', import.meta.url), {
    workerData: { port },
    execArgv: [],
  });

  async function tell(message: 'begin' | 'look'): Promise<Waits> {
    const answered = once(worker, 'message');
    worker.postMessage(message);
    const [waits] = (await answered) as [Waits];
    return waits;
  }

  async function worstMsOnce(work: () => Promise<unknown>): Promise<number> {
    await tell('begin');
    await work();
    return (await tell('look')).longestMs;
  }

  return {
    look: () => tell('look'),
    async worstMsDuring(boundMs, work) {
      let best = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 3 && best >= boundMs; attempt += 1) {
        if (attempt > 0) await sleep(200);
        best = Math.min(best, await worstMsOnce(work));
      }
      return best;
    },
    async close() {
      await worker.terminate();
    },
  };
}
