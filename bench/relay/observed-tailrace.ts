import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RelayProxy, startTailrace } from './proxies.ts';
import type { Stage } from './steady-load.ts';
import type { Kind } from './upstream/dialects.ts';

/** A Tailrace with `observer.cjs` in its process. */
export interface ObservedTailrace extends RelayProxy {
  /** Asks for the next report, and waits for it. */
  report(): Promise<unknown>;
  /** Where the n-th report lies, from 1. */
  file(number: number): string;
}

const reportMs = 120_000;

/** `checkout` undefined: these sources. The caller stops it, or closes the stage's processes. */
export async function startObserved(
  { processes, upstream }: Stage,
  what: 'pauses' | 'heap',
  name: string,
  checkout: string | undefined,
  kind: Kind,
): Promise<ObservedTailrace> {
  const file = join(processes.folder, `${name}-${what}`);
  const proxy = await startTailrace(processes, upstream.port, {
    name: `${name}-${what}`,
    checkout,
    kind,
    env: {
      NODE_OPTIONS: `--require=${join(import.meta.dirname, 'observer.cjs')}`,
      BENCH_OBSERVE: what,
      BENCH_OBSERVE_FILE: file,
    },
  });
  let reports = 0;
  return {
    ...proxy,
    name,
    file: (number) => `${file}.${number}`,
    async report() {
      const [pid = 0] = proxy.pids();
      reports += 1;
      process.kill(pid, 'SIGUSR2');
      for (let waitedMs = 0; waitedMs < reportMs; waitedMs += 20) {
        await sleep(20);
        const text = read(`${file}.${reports}`);
        if (text !== undefined) return JSON.parse(text) as unknown;
      }
      throw new Error(`${name} wrote no report`);
    },
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
