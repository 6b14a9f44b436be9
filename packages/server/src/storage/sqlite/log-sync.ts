import { close, fdatasync, fstat, open } from 'node:fs';
import { promisify } from 'node:util';

/*
 * `synchronous = NORMAL` hands a commit to the operating system and syncs the log (WAL) only at a checkpoint. A killed process
 * loses nothing; a power cut would lose minutes. So the log is synced besides, once for all commits of an interval. The sync runs
 * on Node's pool, and no commit waits for it. Closing this second descriptor of the log drops no lock of SQLite: its locks are on
 * the database and on the `-shm` file.
 */

const openFile = promisify(open);
const fileSync = promisify(fdatasync);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/** Commits are on the disk at most this long after they were acknowledged, and the time of one sync. */
const intervalMs = 200;

export interface LogSync {
  /** There has been a commit. Cheap: it starts a timer where none runs. */
  committed(): void;
  /** Syncs what has been committed until now. Rejects where that fails, or has failed before. */
  now(): Promise<void>;
  /** The failure of a sync, until {@link LogSync.repaired}: that a later sync succeeds means nothing for the pages of this one. */
  failure(): unknown;
  /** What the failed sync should have stored is on the disk now. */
  repaired(): void;
  /** Something else that should have stored the commits has failed. */
  failed(error: unknown): void;
  /** Syncs what is left, and closes the file. */
  close(): Promise<void>;
}

/**
 * `path` is the database; its log must exist. Tests give a `syncFile` of their own. `onSynced` follows each sync, with the length of
 * the log's file in bytes.
 */
export async function openLogSync(
  path: string,
  syncFile: (file: number) => Promise<void> = fileSync,
  onSynced?: (logBytes: number) => void,
): Promise<LogSync> {
  // Windows flushes only a file that is open for writing.
  const file = await openFile(`${path}-wal`, 'r+');
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let failed: unknown;
  const sync = async () => {
    try {
      await syncFile(file);
      if (onSynced !== undefined) onSynced((await statFile(file)).size);
    } catch (error) {
      failed = error;
    }
  };
  function begin(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    running = (running ?? Promise.resolve()).then(sync);
    return running;
  }
  return {
    async now() {
      await begin();
      if (failed !== undefined) throw failed;
    },
    committed() {
      if (timer !== undefined) return;
      timer = setTimeout(begin, intervalMs);
      timer.unref();
    },
    failure: () => failed,
    failed(error) {
      failed = error;
    },
    repaired() {
      failed = undefined;
    },
    async close() {
      clearTimeout(timer);
      await running;
      await sync();
      await closeFile(file);
    },
  };
}
