import { constants, type Stats } from 'node:fs';
import { type FileHandle, open as openFile, stat as statFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration, formatSize } from './units.ts';

/**
 * Reads a small text file that an operator names, with a bound in size and in time. A pipe or a device never holds a
 * reload. A disk that does not answer holds it for that time, and keeps one thread of the pool for each read. The file
 * is opened without blocking: a blocking open of a pipe that no process writes to keeps one of the four threads of the
 * pool for ever, and four of them stop every file and every look-up of a name.
 */
export type ReadText =
  | {
      readonly ok: true;
      readonly text: string;
      /** False for a pipe: its bytes are gone. */
      readonly again: boolean;
    }
  | { readonly ok: false; readonly reason: 'missing' | 'irregular' | 'unreadable'; readonly message: string };

export interface ReadOptions {
  readonly maxBytes: number;
  /** Also takes what is no regular file but ends: a pipe, /dev/stdin, /dev/null. Default: false. */
  readonly pipes?: boolean;
  /**
   * For a file that may be written just now: one that changed within the last 50 ms is read again until it is the
   * same twice. Default: false.
   */
  readonly settled?: boolean;
  /** Default 5,000. */
  readonly withinMs?: number;
}

/** What is read where only certificates, keys or a configuration can stand. */
export const maxTextBytes = 1024 ** 2;

const defaultMs = 5_000;
const pieceBytes = 64 * 1024;
const pollMs = 10;
const settleMs = 50;

const maxStuck = 2;

/** The little of the disk that is used here; a test may bring its own. */
export interface Disk {
  open(path: string, flags: number): Promise<FileHandle>;
  stat(path: string): Promise<Stats>;
}

export interface TextReader {
  readTextFile(path: string, options: ReadOptions): Promise<ReadText>;
  /** True for a regular file that is there (a link to one too). A disk that does not answer in 5 s has none. */
  isFile(path: string): Promise<boolean>;
  /** Reads of a disk that does not answer: while there are some, `process.exit` waits for the pool and never ends. */
  readsAreStuck(): boolean;
}

/** One for the process: it counts the reads that have not come back. */
export function createTextReader({ open, stat }: Disk): TextReader {
  /**
   * Paths of which a read has not come back in its time: each holds one of the pool's four threads, which look up
   * names too. No path is tried twice, and with {@link maxStuck} of them none is tried at all.
   */
  const stuck = new Set<string>();
  const mustWait = (path: string) => stuck.has(path) || stuck.size >= maxStuck;

  function readTextFile(path: string, options: ReadOptions): Promise<ReadText> {
    const withinMs = options.withinMs ?? defaultMs;
    const late = `it cannot be read to its end within ${formatDuration(withinMs)}`;
    if (mustWait(path))
      return Promise.resolve(unreadable('earlier reads of a disk that does not answer still wait'));
    return new Promise((resolve, reject) => {
      let over = false;
      const timer = setTimeout(() => {
        over = true;
        stuck.add(path);
        resolve(unreadable(late));
      }, withinMs);
      const settle = () => {
        clearTimeout(timer);
        stuck.delete(path);
      };
      readUntil(path, options, () => over).then(
        (read) => {
          settle();
          resolve(read);
        },
        (error: unknown) => {
          settle();
          const failed = explain(error);
          if (failed === undefined) reject(error);
          else resolve(failed);
        },
      );
    });
  }

  function isFile(path: string): Promise<boolean> {
    if (mustWait(path)) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        stuck.add(path);
        resolve(false);
      }, defaultMs);
      const settle = (is: boolean) => {
        clearTimeout(timer);
        stuck.delete(path);
        resolve(is);
      };
      stat(path).then(
        (found) => settle(found.isFile()),
        () => settle(false),
      );
    });
  }

  /** Until the file is the same after the reading as before it: one that was being written is read again. */
  async function readUntil(path: string, options: ReadOptions, over: () => boolean): Promise<ReadText> {
    for (;;) {
      const { stats, read } = await readOnce(path, options, over);
      if (!stats.isFile() || over()) return read;
      if (options.settled === true && Math.abs(Date.now() - stats.mtimeMs) < settleMs) await delay(settleMs);
      if (same(stats, await stat(path))) return read;
      await delay(pollMs);
    }
  }

  async function readOnce(path: string, { maxBytes, pipes = false }: ReadOptions, over: () => boolean) {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (stats.isDirectory()) return { stats, read: unreadable('it is a folder') };
      if (!stats.isFile() && !pipes) return { stats, read: irregular };
      return { stats, read: await readAll(handle, stats, maxBytes, over) };
    } finally {
      await handle.close();
    }
  }

  return { readTextFile, isFile, readsAreStuck: () => stuck.size > 0 };
}

export const { readTextFile, isFile, readsAreStuck } = createTextReader({ open: openFile, stat: statFile });

async function readAll(
  handle: FileHandle,
  stats: Stats,
  maxBytes: number,
  over: () => boolean,
): Promise<ReadText> {
  const pieces: Buffer[] = [];
  let total = 0;
  while (!over()) {
    const piece = await readPiece(handle);
    // Of a pipe an end before its first byte says that its writer has not come yet.
    const waits = piece === undefined || (piece.length === 0 && total === 0 && stats.isFIFO());
    if (waits) {
      await delay(pollMs);
      continue;
    }
    if (piece.length === 0) break;
    pieces.push(piece);
    total += piece.length;
    if (total > maxBytes) return unreadable(`larger than ${formatSize(maxBytes)}`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces, total));
    return { ok: true, text, again: stats.isFile() };
  } catch {
    return unreadable('not UTF-8 text');
  }
}

/** Undefined where there is nothing yet. */
async function readPiece(handle: FileHandle): Promise<Buffer | undefined> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

function same(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.size === other.size && one.mtimeMs === other.mtimeMs;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of the path is no folder',
  ENXIO: 'it is a socket or a device that is not there',
  ELOOP: 'its links lead in a circle',
};

/** Undefined for what is no error of the system. */
function explain(error: unknown): ReadText | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  if (code === 'ENOENT') return { ok: false, reason: 'missing', message: 'there is no such file' };
  return unreadable(reasons[code] ?? code);
}

const irregular: ReadText = { ok: false, reason: 'irregular', message: 'it is no regular file' };

function unreadable(message: string): ReadText {
  return { ok: false, reason: 'unreadable', message };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
