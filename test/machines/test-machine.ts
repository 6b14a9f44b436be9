import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Child, isAlive } from '../support/child.ts';
import { childrenOf } from '../support/processes.ts';
import { createMachine, type Machine, toolchain } from './machine.ts';

/* What a test starts on a machine, and what ends with the test. */

export const npm10 = '10.9.9';
export const npm11 = '11.21.2';

/** A clone in an empty folder with these versions; it is removed when the test has finished. */
export function machineOfTest(nodeVersion: string, npmVersion: string): Machine {
  const machine = createMachine(toolchain(nodeVersion, npmVersion));
  onTestFinished(() => machine.remove());
  return machine;
}

/** Kills it when the test has finished. */
export function track(child: Child): Child {
  onTestFinished(async () => void (await child.end('SIGKILL', 0)));
  return child;
}

/** How it ended, and what it printed. */
export async function ended(child: Child): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code } = await track(child).exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** An address of which the port is taken until the test has finished. */
export async function takenAddress(): Promise<string> {
  const listener = createServer();
  onTestFinished(() => void listener.close());
  await new Promise<void>((resolve) => listener.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return `127.0.0.1:${address.port}`;
}

/** A process and everything below it. */
export function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)];
}

export async function killTree(child: Child): Promise<void> {
  const processes = tree(child.pid);
  await child.end('SIGKILL', 0);
  for (const pid of processes) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}
