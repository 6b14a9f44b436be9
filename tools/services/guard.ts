import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import path from 'node:path';

/*
 * One process beside each process that starts instances. It holds the end of a pipe, so it learns of the end of its owner
 * however that ends (Ctrl-C, a failure, SIGKILL), and then ends the instances that the owner has left, with their folders.
 */
let guard: ChildProcess | undefined;

/** From now on the guard ends the instance of this folder when this process ends. */
export function guardFolder(folder: string): void {
  if (guard === undefined) {
    // In a session of its own: the terminal sends Ctrl-C to all processes of the foreground group.
    guard = spawn(process.execPath, [path.join(import.meta.dirname, 'guard-process.ts')], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    guard.unref();
    guard.stdin?.on('error', () => {});
    // The pipe must not keep this process running.
    if (guard.stdin instanceof Socket) guard.stdin.unref();
  }
  guard.stdin?.write(`+${folder}\n`);
}

/** The instance of this folder has ended. */
export function releaseFolder(folder: string): void {
  guard?.stdin?.write(`-${folder}\n`);
}
