import type { SpoolFiles } from '../spool/spool-files.ts';

/** A disk in memory whose processes can be killed, which can lose power, fill up and fail. */
export interface MemoryDisk {
  /** The file system for a process: its open files and locks are its own. */
  process(): DiskProcess;
  /** The bytes of each file by its path. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Replaces the bytes of a file. */
  write(path: string, bytes: Uint8Array): void;
  /**
   * Power fails: of what was not synced, each file keeps a part from its beginning that `keep` draws (0 ≤ x < 1), and then
   * possibly bytes that were never written.
   */
  powerFailure(keep: () => number): void;
  /** Bytes that still fit; Infinity at first. An append that does not fit writes a part and throws `ENOSPC`. */
  free: number;
  /** The code with which each call fails that changes something, such as `EIO`; undefined: none fails. */
  broken: string | undefined;
}

export interface DiskProcess {
  readonly files: SpoolFiles;
  /** Ends its locks; it must not be used any more. */
  kill(): void;
}

interface Stored {
  bytes: Uint8Array;
  synced: number;
}

export function createMemoryDisk(): MemoryDisk {
  const stored = new Map<string, Stored>();
  const folders = new Set<string>();
  const locks = new Map<string, object>();
  let lastFile = 0;

  function fail(code: string): never {
    throw Object.assign(new Error(code), { code });
  }

  function changes(): void {
    if (disk.broken !== undefined) fail(disk.broken);
  }

  function process(): DiskProcess {
    const self = {};
    const opened = new Map<number, Stored>();
    const of = (file: number): Stored => opened.get(file) ?? fail('EBADF');
    const files: SpoolFiles = {
      list(folder) {
        const names = new Set<string>();
        for (const path of [...stored.keys(), ...folders]) {
          if (path.startsWith(`${folder}/`)) names.add(path.slice(folder.length + 1).split('/')[0] ?? '');
        }
        return [...names];
      },
      makeFolder(folder) {
        if (folders.has(folder)) return;
        changes();
        for (let at = folder.indexOf('/', 1); at > 0; at = folder.indexOf('/', at + 1)) {
          folders.add(folder.slice(0, at));
        }
        folders.add(folder);
      },
      open(path) {
        if (!stored.has(path)) {
          changes();
          if (!folders.has(path.slice(0, path.lastIndexOf('/')))) fail('ENOENT');
        }
        const file = stored.get(path) ?? { bytes: new Uint8Array(), synced: 0 };
        stored.set(path, file);
        lastFile += 1;
        opened.set(lastFile, file);
        return lastFile;
      },
      size: (file) => of(file).bytes.length,
      read: (file, at, length) => Buffer.from(of(file).bytes.subarray(at, at + length)),
      append(file, bytes) {
        changes();
        const taken = bytes.subarray(0, Math.min(bytes.length, Math.max(0, disk.free)));
        const state = of(file);
        state.bytes = Buffer.concat([state.bytes, taken]);
        disk.free -= taken.length;
        if (taken.length < bytes.length) fail('ENOSPC');
      },
      truncate(file, length) {
        changes();
        const state = of(file);
        disk.free += state.bytes.length - length;
        state.bytes = state.bytes.slice(0, length);
        state.synced = Math.min(state.synced, length);
      },
      sync(file, folder, done) {
        let error: unknown;
        try {
          files.syncNow(file, folder);
        } catch (thrown) {
          error = thrown;
        }
        done(error);
      },
      syncNow(file) {
        changes();
        const state = of(file);
        state.synced = state.bytes.length;
      },
      close(file) {
        of(file);
        opened.delete(file);
      },
      rename(from, to) {
        changes();
        const file = stored.get(from) ?? fail('ENOENT');
        stored.delete(from);
        stored.set(to, file);
      },
      remove(path) {
        changes();
        disk.free += stored.get(path)?.bytes.length ?? 0;
        stored.delete(path);
      },
      removeFolder(folder) {
        changes();
        if (files.list(folder).length === 0) folders.delete(folder);
      },
      lock(folder) {
        const path = `${folder}/lock`;
        if (locks.has(path)) return undefined;
        files.close(files.open(path));
        locks.set(path, self);
        return {
          release(how) {
            locks.delete(path);
            if (how === 'remove') files.remove(path);
          },
        };
      },
      pause() {},
    };
    return {
      files,
      kill() {
        for (const [path, holder] of locks) if (holder === self) locks.delete(path);
        opened.clear();
      },
    };
  }

  const disk: MemoryDisk = {
    process,
    get contents() {
      return new Map([...stored].map(([path, { bytes }]) => [path, bytes]));
    },
    write(path, bytes) {
      stored.set(path, { bytes, synced: bytes.length });
    },
    powerFailure(keep) {
      for (const file of stored.values()) {
        const unsynced = file.bytes.length - file.synced;
        const kept = file.synced + Math.floor(keep() * (unsynced + 1));
        const garbage = keep() < 0.3 ? Buffer.alloc(Math.floor(keep() * 40), Math.floor(keep() * 256)) : [];
        file.bytes = Buffer.concat([file.bytes.subarray(0, kept), Uint8Array.from(garbage)]);
        file.synced = file.bytes.length;
      }
    },
    free: Number.POSITIVE_INFINITY,
    broken: undefined,
  };
  return disk;
}
