import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * The processes of an instance carry its mark in their command line: PostgreSQL has a process for each connection, which
 * outlives a killed parent for a moment, and /proc/PID/cwd of another user's process is closed to root in most containers.
 */

/** The ids of the running processes whose command line contains `mark`. A process that has ended has no command line. */
export function markedProcesses(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => commandLine(name).includes(mark))
    .map(Number);
}

/**
 * Sends SIGKILL to all of them, and resolves when none is left: one may start another before the signal reaches it. Throws
 * where one is left after 10 s.
 */
export async function killMarked(mark: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  for (let pids = markedProcesses(mark); pids.length > 0; pids = markedProcesses(mark)) {
    if (performance.now() > deadlineMs)
      throw new Error(`processes that SIGKILL does not end: ${pids.join(', ')}`);
    signalAll(pids, 'SIGKILL');
    await sleep(5);
  }
}

/** Sends SIGSTOP to all of them, until no other has started meanwhile. */
export function stopMarked(mark: string): void {
  const stopped = new Set<number>();
  for (;;) {
    const running = markedProcesses(mark).filter((pid) => !stopped.has(pid));
    if (running.length === 0) return;
    signalAll(running, 'SIGSTOP');
    for (const pid of running) stopped.add(pid);
  }
}

/** Sends SIGCONT to all of them. */
export function continueMarked(mark: string): void {
  signalAll(markedProcesses(mark), 'SIGCONT');
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
