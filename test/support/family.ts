import { type Child, isAlive } from './child.ts';
import { childrenOf } from './processes.ts';
import { until } from './until.ts';

/** Ends a server and every process that it started: some leave those running when they are killed. */
export async function endFamily(child: Child, signal: NodeJS.Signals): Promise<void> {
  const others = child.exit() === undefined ? descendantsOf(child.pid) : [];
  if (signal === 'SIGKILL') kill(others);
  await child.end(signal, 10_000);
  kill(others);
  await until('the processes of a server to end', 20_000, () => (others.some(isAlive) ? undefined : true));
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}
