import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that the tests started, with all its output. */
export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  exit(): Exit | undefined;
  stdout(): string;
  stderr(): string;
  /** SIGKILL to its whole process group, where it was started with one of its own. */
  killGroup(): Promise<Exit>;
  /** Ends it with `signal`, with SIGKILL where it has not ended after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs: number): Promise<Exit>;
}

const running = new Set<ChildProcess>();
// A test run that is cut short must not leave servers behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** In a process group of its own. */
  readonly ownGroup?: boolean;
}

export function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    detached: options.ownGroup === true,
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  let ended: Exit | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A child that has ended closes its pipe; its end is reported by `exited`.
  child.stdin.on('error', () => {});
  const exited = new Promise<Exit>((resolve) => {
    const settle = (exit: Exit): void => {
      running.delete(child);
      ended ??= exit;
      resolve(ended);
    };
    child.once('close', (code, signal) => settle({ code, signal }));
    child.once('error', (error) => {
      stderr += String(error);
      settle({ code: 127, signal: null });
    });
  });
  return {
    pid: child.pid ?? -1,
    process: child,
    exited,
    exit: () => ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async killGroup() {
      if (ended === undefined && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      return await exited;
    },
    async end(signal, graceMs) {
      if (ended !== undefined) return ended;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** True while a process of that id runs, started by any process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie has ended. Some versions of init take two seconds to reap an orphan.
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Runs a command to its end; for helpers such as `curl --version`. */
export async function runOnce(
  file: string,
  args: readonly string[],
): Promise<Exit & { stdout: string; stderr: string }> {
  const child = startChild(file, args);
  child.process.stdin?.end();
  const exit = await child.exited;
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}
