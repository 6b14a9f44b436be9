import { constants, type Stats } from 'node:fs';
import { type FileHandle, open as openFile, stat as statFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration, formatSize } from './units.ts';

/*
 * Reads a small text file that an operator names, with a bound in size and in time. A pipe or a device never delays a
 * reload. A disk that does not answer delays it by the bound in time, and each such read occupies one thread of Node's
 * pool. The file is opened without blocking: a blocking open of a pipe without a writer would occupy one of the four
 * threads of the pool for ever, and with all four occupied no file can be read and no host name resolved.
 */

/** The text of a file, or why it could not be read. */
export type ReadText =
  | {
      readonly ok: true;
      readonly text: string;
      /** Whether it can be read again. False for a pipe: its bytes are consumed. */
      readonly again: boolean;
    }
  | { readonly ok: false; readonly reason: 'missing' | 'irregular' | 'unreadable'; readonly message: string };

export interface ReadOptions {
  readonly maxBytes: number;
  /** Whether pipes and devices that have an end are read too, such as /dev/stdin. Default: false. */
  readonly pipes?: boolean;
  /**
   * For a file that a program may be writing now: a file that changed within the last 50 ms is read again until two reads
   * are the same. Default: false.
   */
  readonly settled?: boolean;
  /** Default 5,000. */
  readonly withinMs?: number;
}

/** The bound for files of certificates, keys and configurations. */
export const maxTextBytes = 1024 ** 2;

const defaultMs = 5_000;
const pieceBytes = 64 * 1024;
const pollMs = 10;
const settleMs = 50;

/** With so many reads that have not come back, no more are begun: two threads of the pool stay free. */
const maxStuck = 2;

/** The functions of the file system that are used here; a test replaces them. */
export interface Disk {
  open(path: string, flags: number): Promise<FileHandle>;
  stat(path: string): Promise<Stats>;
}

export interface TextReader {
  readTextFile(path: string, options: ReadOptions): Promise<ReadText>;
  /** True for a regular file and for a link to one; false where the disk does not answer within 5 s. */
  isFile(path: string): Promise<boolean>;
  /** Whether reads wait for a disk that does not answer. While they do, `process.exit` waits for the pool and never ends. */
  readsAreStuck(): boolean;
}

/** One for the whole process, because it counts the reads that have not come back. */
export function createTextReader({ open, stat }: Disk): TextReader {
  /**
   * Paths whose read has not come back in time. Each occupies one of the four threads of the pool, which also resolve host
   * names. None of these paths is read a second time, and with {@link maxStuck} of them no path is read.
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

  /** Reads until the file is the same before and after the read: a file that was being written is read again. */
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
    // A pipe that ends before its first byte has no writer yet.
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

/** Undefined where no bytes are there yet. */
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
  ENXIO: 'it is a socket, or a device that does not exist',
  ELOOP: 'its links form a circle',
};

/** Undefined for an error that does not come from the system: a bug. */
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
