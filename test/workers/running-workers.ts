import { readFileSync } from 'node:fs';
import { childrenOf } from '../support/processes.ts';
import type { TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

/** The processes of the workers of a server: its children that run no model. Linux only. */
export function workersOf({ pid }: Pick<TestServer, 'pid'>): number[] {
  return childrenOf(pid).filter((child) => commandOf(child).includes('worker-main'));
}

/** Waits until a server has so many workers. */
export function untilWorkers(server: Pick<TestServer, 'pid'>, count: number): Promise<number[]> {
  return until(`${count} workers`, 20_000, () => {
    const workers = workersOf(server);
    return workers.length === count ? workers : undefined;
  });
}

/** A line of a server's log, parsed. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The lines of a server's log that have this message. */
export function linesOf(server: Pick<TestServer, 'logs'>, message: string): readonly LogLine[] {
  return server
    .logs()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine)
    .filter(({ msg }) => msg === message);
}

/** How many lines each worker has written. */
export function byWorker(lines: readonly LogLine[]): ReadonlyMap<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const { worker } of lines) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return counts;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
