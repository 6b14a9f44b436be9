import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { createScratch } from './scratch.ts';

/** The delays of a server's event loop since the last reading, in milliseconds: how late its timers were. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of the whole process. */
  readonly residentMiB: number;
}

/** Measures the event loop of the serving thread of a server that was started with {@link LoopProbe.env}. The caller closes it. */
export interface LoopProbe {
  /** Spread into `startServer`'s `env`. */
  readonly env: Readonly<Record<string, string>>;
  /** What was measured since the last call. */
  read(): Promise<LoopDelay>;
  close(): void;
}

export function createLoopProbe(): LoopProbe {
  const scratch = createScratch('loop');
  const path = `${scratch.path}/loop.sock`;
  const preload = new URL('loop-reporter.ts', import.meta.url).href;
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, TAILRACE_TEST_LOOP: path },
    read: async () => JSON.parse(await text(createConnection(path))) as LoopDelay,
    close: () => scratch.remove(),
  };
}
