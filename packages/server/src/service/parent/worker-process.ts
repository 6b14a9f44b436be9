import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createLink, type Link } from '../../channels/link.ts';
import type { Environment } from '../../config/environment.ts';

/** The process of a worker, its link, and its channel for connections. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  readonly link: Link;
  /** Gives it a connection; the caller keeps its own descriptor. */
  give(id: number, socket: Socket): void;
  /** Resolves when the process has ended, with what is known of the reason. */
  readonly ended: Promise<WorkerEnd>;
  kill(): void;
}

export interface WorkerEnd {
  /** `SIGKILL`, `exit 1`. */
  readonly reason: string;
  /** The last lines that it has written to standard error past the log: a stack trace, a fatal error of V8. */
  readonly lastLines: readonly string[];
}

const linesKept = 5;
/** The place of the link in `stdio`; `cli/worker-main.ts` knows it too. */
const linkAt = 3;

/**
 * Starts a worker's process with the flags of this one. Two channels: Node's own carries connections, and waits after each one
 * for an acknowledgement; so messages have a socket of their own.
 */
export function startWorkerProcess(file: URL, env: Environment): WorkerProcess {
  const child = fork(file, [], {
    env: { ...env },
    // Two processes cannot have the same debugger port.
    execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'],
  });
  const socket = child.stdio[linkAt];
  if (!(socket instanceof Duplex)) throw new Error('a worker has no link');
  const lastLines = keepLines(child);
  return {
    pid: child.pid,
    link: createLink(socket),
    give: (id, connection) => {
      // A worker that has ended: `ended` follows.
      if (child.connected) child.send({ id }, connection, { keepOpen: true }, () => {});
    },
    ended: new Promise((resolve) => {
      child.once('error', (error) => resolve({ reason: error.message, lastLines }));
      // `close` comes after the last of its output.
      child.once('close', (code, signal) => resolve({ reason: signal ?? `exit ${code}`, lastLines }));
    }),
    kill: () => void child.kill('SIGKILL'),
  };
}

function keepLines(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line.trim() !== ''));
    lines.splice(0, lines.length - linesKept);
  });
  return lines;
}
