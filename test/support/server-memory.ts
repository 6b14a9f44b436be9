import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { createScratch } from './scratch.ts';

/** The resources of a server after a garbage collection. */
export interface Held {
  /** The heap, and the buffers that it keeps alive outside. */
  readonly heldBytes: number;
  /** Open file descriptors: sockets, files, pipes. */
  readonly descriptors: number;
  /** What keeps its event loop alive, by type: timers, sockets, requests to the system. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Reads the resources of a server that was started with {@link MemoryProbe.env}. The caller closes it. */
export interface MemoryProbe {
  /** Spread into `startServer`'s `env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Collects garbage there, then counts. */
  held(): Promise<Held>;
  close(): void;
}

export function createMemoryProbe(): MemoryProbe {
  const scratch = createScratch('probe');
  const path = `${scratch.path}/probe.sock`;
  const preload = new URL('server-probe.ts', import.meta.url).href;
  return {
    env: { NODE_OPTIONS: `--expose-gc --import=${preload}`, TAILRACE_TEST_PROBE: path },
    held: async () => {
      const reported = JSON.parse(await text(createConnection(path))) as Omit<Held, 'resources'> & {
        readonly resources: readonly string[];
      };
      const resources: Record<string, number> = {};
      for (const type of reported.resources) resources[type] = (resources[type] ?? 0) + 1;
      return { ...reported, resources };
    },
    close: () => scratch.remove(),
  };
}
