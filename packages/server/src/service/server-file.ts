import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListenAddress } from '../config/config.ts';
import { readTextFile } from '../config/read-text-file.ts';
import { isObject } from '../domain/json.ts';

/** What a server that runs leaves in its data folder, so that commands find it. It holds no key. */
export interface ServerFile {
  readonly pid: number;
  /** Where commands on this machine reach it: `http://127.0.0.1:7245`. */
  readonly url: string;
  /** Its store in words; undefined in the file of an older version. */
  readonly store?: string | undefined;
  /** Its models are not loaded yet: it answers 503. */
  readonly starting?: boolean;
}

const maxBytes = 4_096;

function fileIn(dataDir: string): string {
  return join(dataDir, 'server.json');
}

/** The URL of a server for a client on its own machine. One that listens on every address cannot be reached by that wildcard. */
export function localUrl({ host }: Pick<ListenAddress, 'host'>, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Rejects with the file system's error; the folder must exist. */
export async function writeServerFile(
  dataDir: string,
  { pid, url, store, starting }: ServerFile,
): Promise<void> {
  const file = fileIn(dataDir);
  // Renamed into its place: a command never reads half of it.
  const next = `${file}.${pid}`;
  await writeFile(
    next,
    `${JSON.stringify({ pid, url, store, starting: starting === true ? true : undefined })}\n`,
    { mode: 0o600 },
  );
  await rename(next, file);
}

/** Removes the file where it is that of this process. Never rejects: one that stays names a process that has ended. */
export async function removeServerFile(dataDir: string, pid: number): Promise<void> {
  const found = await readServerFile(dataDir);
  if (found?.pid === pid) await rm(fileIn(dataDir), { force: true }).catch(() => {});
}

/** The file, whether or not its process lives; undefined where there is none that can be read. */
export async function readServerFile(dataDir: string): Promise<ServerFile | undefined> {
  const read = await readTextFile(fileIn(dataDir), { maxBytes });
  if (!read.ok) return undefined;
  try {
    const json: unknown = JSON.parse(read.text);
    if (!isObject(json)) return undefined;
    const { pid, url, store, starting } = json;
    if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
    if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
    return { pid, url, store: typeof store === 'string' ? store : undefined, starting: starting === true };
  } catch {
    return undefined;
  }
}

/** Whether a process with this id lives, of whichever user. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
