import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** What the watch has seen since its last look. */
export interface Waits {
  /** Questions that were answered. */
  readonly probes: number;
  /** The longest that an answer was waited for, in milliseconds; one that is still waited for counts too. */
  readonly longestMs: number;
  /** Questions that failed: refused, reset, or not 200. */
  readonly failed: number;
}

/** Looks after `/livez` from a thread of its own. The caller closes it. */
export interface LivezWatch {
  look(): Promise<Waits>;
  /**
   * The longest that an answer was waited for while `work` ran, in milliseconds. Where that is over the bound the
   * work is done again, three times in all, and the best of them counts: two cores are shared with the test and
   * whatever else runs there, and what the server itself takes is in each of them.
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
