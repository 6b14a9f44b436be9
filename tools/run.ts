import { spawn } from 'node:child_process';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '..');

export interface Ran {
  readonly code: number;
  /** Standard output and error, in the order in which they came; empty with `show`. */
  readonly output: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** True: the output goes to the caller's terminal and is not kept. */
  readonly show?: boolean;
  /** The user as which it runs, where this process is root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Runs a program to its end, without standard input. A program that is not there has code 127. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      ...options.user,
      stdio: ['ignore', options.show ? 'inherit' : 'pipe', options.show ? 'inherit' : 'pipe'],
    });
    const pieces: Buffer[] = [];
    child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    child.stderr?.on('data', (piece: Buffer) => pieces.push(piece));
    const end = (code: number, more = ''): void =>
      resolve({
        code,
        output: Buffer.concat(pieces).toString('utf8') + more,
        seconds: (performance.now() - startedMs) / 1000,
      });
    child.on('error', (error) => end(127, `${command}: ${error.message}\n`));
    child.on('close', (code, signal) =>
      end(code ?? 1, signal === null ? '' : `${command}: ended by ${signal}\n`),
    );
  });
}

/** Runs a script of this repository or of node_modules with the Node of this process. */
export function runNode(script: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(process.execPath, ['--conditions=tailrace-source', path.join(root, script), ...args], options);
}
