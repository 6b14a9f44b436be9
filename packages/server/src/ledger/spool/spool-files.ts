import {
  close,
  closeSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { errorCode } from '../../domain/error-code.ts';

/**
 * The file system as the spool uses it. Every method throws the system's error (with its `code`) where the file system
 * refuses; a number names an open file.
 */
export interface SpoolFiles {
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): readonly string[];
  /** Makes a folder that only its user may enter, and those above it, where missing. */
  makeFolder(folder: string): void;
  /** Opens a file to read it and to append to it; makes one that only its user may read where it is missing. */
  open(path: string): number;
  size(file: number): number;
  /** Bytes from a place; fewer than asked for at the end of the file. */
  read(file: number, at: number, length: number): Buffer;
  /** Hands all bytes to the operating system. Where it throws a part may have been written. */
  append(file: number, bytes: Uint8Array): void;
  truncate(file: number, length: number): void;
  /** Has the file, and its entry in `folder` where that is given, on the disk itself when `done` is called. */
  sync(file: number, folder: string | undefined, done: (error: unknown) => void): void;
  /** The same within the call. */
  syncNow(file: number, folder: string | undefined): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is no error. */
  remove(path: string): void;
  /** Removes an empty folder; a missing one, or one that is not empty, is no error. */
  removeFolder(folder: string): void;
  /**
   * Locks a folder until the process ends or the lock is released, by its file `lock`. Undefined where another process, or
   * another part of this one, holds it.
   */
  lock(folder: string): SpoolLock | undefined;
  /** Waits within the call. */
  pause(ms: number): void;
}

export interface SpoolLock {
  /** Ends the lock; `remove` removes its file before, so that the folder can be removed. */
  release(how: 'keep' | 'remove'): void;
}

/** The real file system. */
export const realSpoolFiles: SpoolFiles = {
  list(folder) {
    try {
      return readdirSync(folder);
    } catch (error) {
      if (isOneOf(error, 'ENOENT', 'ENOTDIR')) return [];
      throw error;
    }
  },
  makeFolder(folder) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  },
  open: (path) => openSync(path, 'a+', 0o600),
  size: (file) => fstatSync(file).size,
  read(file, at, length) {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(file, bytes, filled, length - filled, at + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  },
  append(file, bytes) {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  },
  truncate: ftruncateSync,
  sync(file, folder, done) {
    fsync(file, (error) => {
      if (error !== null || folder === undefined) done(error);
      else fsyncFolder(folder, done);
    });
  },
  syncNow(file, folder) {
    fsyncSync(file);
    if (folder === undefined) return;
    const opened = openSync(folder, 'r');
    try {
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
  },
  close: closeSync,
  rename: renameSync,
  remove(path) {
    rmSync(path, { force: true });
  },
  removeFolder(folder) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!isOneOf(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  },
  lock: lockFolder,
  pause(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },
};

function fsyncFolder(folder: string, done: (error: unknown) => void): void {
  open(folder, 'r', (failed, file) => {
    if (failed !== null) return done(failed);
    fsync(file, (error) => close(file, () => done(error)));
  });
}

/**
 * By an open transaction of SQLite, whose lock of the file dies with its process. A process id in a file can be that of
 * another process after a restart, or of another container.
 */
function lockFolder(folder: string): SpoolLock | undefined {
  const path = `${folder}/lock`;
  closeSync(openSync(path, 'a', 0o600));
  const before = statSync(path).ino;
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    // Who held it before may have removed the file: then the lock is that of a file which no other process finds.
    if (statSync(path).ino === before) {
      return {
        release(how) {
          if (how === 'remove') rmSync(path, { force: true });
          database.close();
        },
      };
    }
  } catch (error) {
    if (!isBusy(error) && !isOneOf(error, 'ENOENT')) {
      database.close();
      throw error;
    }
  }
  database.close();
  return undefined;
}

function isOneOf(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return code !== undefined && codes.includes(code);
}

function isBusy(error: unknown): boolean {
  // SQLITE_BUSY
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
