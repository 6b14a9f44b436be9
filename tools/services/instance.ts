import { spawn } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardFolder, releaseFolder } from './guard.ts';
import { continueMarked, killMarked, stopMarked } from './marked-processes.ts';
import { removeInstance } from './remove-instance.ts';
import { type ServiceUser, sharedTemporaryFolder } from './service-user.ts';

/** A server in a folder of its own, with a port that stays the same over its restarts. It runs when it is handed out. */
export interface ServiceInstance {
  readonly url: string;
  readonly port: number;
  /** SIGKILL to all its processes at once; resolves when none is left. The data stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and data; resolves when it answers. */
  start(): Promise<void>;
  /** SIGSTOP to all its processes: connections stay open, and nothing answers. */
  freeze(): void;
  /** SIGCONT: what was frozen runs again. */
  thaw(): void;
  /** Ends it, frozen or not, and deletes its folder. */
  remove(): Promise<void>;
}

/** The folder and the port of an instance that is being made. */
export interface InstancePlace {
  readonly folder: string;
  /** Part of the command line of each of its processes, and of no other's. */
  readonly mark: string;
  readonly port: number;
}

export interface InstanceKind {
  readonly name: string;
  /** The user that owns the folder and the processes; undefined: that of this process. */
  readonly user: ServiceUser | undefined;
  /** Makes the files of the folder. */
  prepare(place: InstancePlace): Promise<void>;
  command(place: InstancePlace): {
    readonly file: string;
    readonly args: readonly string[];
    readonly env: NodeJS.ProcessEnv;
  };
  /** True once it answers. */
  isReady(place: InstancePlace, pid: number): Promise<boolean>;
  url(place: InstancePlace): string;
}

const startDeadlineMs = 30_000;
const pollMs = 10;

/** Starts an instance; throws with the end of its log where it does not start. The caller calls `remove`. */
export async function startInstance(kind: InstanceKind): Promise<ServiceInstance> {
  const folder = mkdtempSync(path.join(sharedTemporaryFolder(), `tailrace-${kind.name.toLowerCase()}-`));
  guardFolder(folder);
  const remove = async (): Promise<void> => {
    await removeInstance(folder);
    releaseFolder(folder);
  };
  try {
    if (kind.user !== undefined) chownSync(folder, kind.user.uid, kind.user.gid);
    const place: InstancePlace = { folder, mark: path.basename(folder), port: await freePort() };
    await kind.prepare(place);
    await startIn(place, kind);
    return {
      url: kind.url(place),
      port: place.port,
      kill: () => killMarked(place.mark),
      start: () => startIn(place, kind),
      freeze: () => stopMarked(place.mark),
      thaw: () => continueMarked(place.mark),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startIn(place: InstancePlace, kind: InstanceKind): Promise<void> {
  const { file, args, env } = kind.command(place);
  const logFile = path.join(place.folder, 'log');
  const log = openSync(logFile, 'a');
  // In a session of its own: Ctrl-C is meant for the tests, which end it in their turn.
  const child = spawn(file, args, {
    cwd: place.folder,
    env,
    detached: true,
    stdio: ['ignore', log, log],
    ...kind.user,
  });
  closeSync(log);
  child.unref();
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `exit ${code ?? signal}`;
  });
  const deadlineMs = performance.now() + startDeadlineMs;
  while (!(await kind.isReady(place, child.pid ?? -1))) {
    if (ended === undefined && performance.now() > deadlineMs) ended = `no answer for ${startDeadlineMs} ms`;
    if (ended !== undefined) {
      const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-6);
      throw new Error([`${kind.name} does not start (${ended})`, ...lines].join('\n'));
    }
    await sleep(pollMs);
  }
}

/** Below 32768: Linux takes no port there for outgoing connections, so a port stays free while its instance is down. */
const ports = { from: 15_000, to: 32_768 };

async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
