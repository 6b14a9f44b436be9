import { Worker } from 'node:worker_threads';

/** What the watch has seen since it was started, or since the last look. Times in milliseconds. */
export interface Waits {
  readonly probes: number;
  /** The longest that /livez took, less what the watch itself came late. */
  readonly longestMs: number;
  /** Probes that failed: refused, reset, or not 200. */
  readonly failed: number;
}

export interface LivezWatch {
  look(): Promise<Waits>;
  close(): Promise<void>;
}

/** Asks /livez every 20 ms from a thread of its own, so that this process's own work does not delay it. */
export function watchLivez(port: number): LivezWatch {
  const worker = new Worker(new URL('livez-worker.ts', import.meta.url), {
    workerData: { port },
    execArgv: [],
  });
  return {
    look: () =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.postMessage('look');
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
