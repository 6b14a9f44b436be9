import type { DatabaseSync } from 'node:sqlite';
import { createKillableThread, type ThreadWorker } from '../../worker/killable-thread.ts';
import { startWorker } from '../../worker/start-worker.ts';

/*
 * A checkpoint copies pages from the log (WAL) into the database and syncs both. SQLite does that inside a commit, each 1,000
 * pages: on a busy disk 40 ms and more, in which nothing is admitted. Here a second connection does it on a thread of its own,
 * and does not stop commits. It syncs as any checkpoint does, so nothing is less durable.
 *
 * A thread holds 10 MB. So this one starts when the log has grown by some MiB, and ends when it has had nothing to do for a while:
 * at 1,000 records/s (10 MB/s) it stays, at 100 it lives for 2 of 16 s.
 *
 * Under load there are always new pages when a checkpoint ends, and SQLite begins its log anew only after one that has copied
 * all. So where the log has grown, the thread of the store copies the few pages that came meanwhile.
 */

export interface Checkpoints {
  /** There have been commits, and the log is on the disk; `logBytes` is the length of its file. */
  synced(logBytes: number): void;
  /** Ends the thread; a checkpoint that runs is completed before. */
  close(): Promise<void>;
}

export interface CheckpointTask {
  readonly file: string;
}

/** `log`: the pages in the log. */
export type CheckpointAnswer =
  | { readonly type: 'done'; readonly log: number }
  | { readonly type: 'failed'; readonly message: string };

export type CheckpointWorker = ThreadWorker<CheckpointTask, CheckpointAnswer>;

/** The log grows by so much between two checkpoints. */
const growthBytes = 16 * 1024 * 1024;
/**
 * `PRAGMA journal_size_limit`: a log that begins anew is cut to this length, so the length of its file says how much it has grown.
 * Below {@link growthBytes}.
 */
export const emptyLogBytes = 4 * 1024 * 1024;
/** 128 MiB, which is some 12 s of 1,000 records a second. After a kill the next process reads the log again, in 0.2 s. */
const mostLogPages = 32_768;
/** SQLite's own, while the thread does not work. */
const usualCheckpoint = 1_000;
const taskMs = 60_000;
/** Longer than between two checkpoints at 1,000 records/s. */
const idleMs = 2_000;
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 };

/**
 * Has checkpoints made by a thread. `database` is the connection that writes; its commits make none as long as the thread does.
 * `onFailure`: a sync has failed. The caller closes it before `database`.
 */
export function startCheckpoints(
  database: DatabaseSync,
  file: string,
  onFailure: (error: Error) => void,
  start: () => CheckpointWorker = () => startWorker(import.meta.url, 'checkpoint-worker', resourceLimits),
): Checkpoints {
  const thread = createKillableThread<CheckpointTask, CheckpointAnswer>({ start, taskMs, idleMs });
  const owner = { keyId: '', signal: new AbortController().signal };
  let busy = false;
  let closed = false;
  let checkpointedBytes = 0;
  const letCommits = (pages: number) => database.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
  letCommits(0);

  async function checkpoint(): Promise<void> {
    const outcome = await thread.run({ file }, owner);
    if (closed) return;
    // It has no memory left, or a bug: commits make their checkpoints again.
    if (outcome.type !== 'done') return void letCommits(usualCheckpoint);
    const { answer } = outcome;
    if (answer.type === 'failed') {
      checkpointedBytes = 0;
      onFailure(new Error(answer.message));
      return;
    }
    letCommits(0);
    if (answer.log > mostLogPages) copyTheRest();
  }

  function copyTheRest(): void {
    try {
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }

  return {
    synced(logBytes) {
      // The log has begun anew.
      if (logBytes < checkpointedBytes) checkpointedBytes = 0;
      if (busy || closed || logBytes - checkpointedBytes < growthBytes) return;
      checkpointedBytes = logBytes;
      busy = true;
      void checkpoint().finally(() => {
        busy = false;
      });
    },
    async close() {
      closed = true;
      await thread.close();
    },
  };
}
