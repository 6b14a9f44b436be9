import type { EventEmitter } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { startWorker } from '../../worker/start-worker.ts';

/*
 * A checkpoint copies pages from the log (WAL) into the database and syncs both. SQLite does that inside a commit, each 1,000
 * pages: on a busy disk 40 ms and more, in which nothing is admitted. Here a second connection does it on a thread of its own,
 * after some syncs of the log, and does not stop commits. It syncs as any checkpoint does, so nothing is less durable.
 *
 * Under load there are always new pages when a checkpoint ends, and SQLite begins its log anew only after one that has copied
 * all. So where the log has grown, the thread of the store copies the few pages that came meanwhile.
 */

export interface Checkpoints {
  /** There have been commits, and the log is on the disk. */
  synced(): void;
  close(): Promise<void>;
}

/** The part of `Worker` that is used here, so that a test can replace it. */
export type CheckpointWorker = Pick<EventEmitter, 'on' | 'once'> & {
  postMessage(message: ToCheckpoints): void;
};

export type ToCheckpoints =
  | { readonly type: 'checkpoint'; readonly file: string }
  | { readonly type: 'close' };

/** `log`: the pages in the log. */
export type FromCheckpoints =
  | { readonly type: 'done'; readonly log: number }
  | { readonly type: 'failed'; readonly message: string };

/** 128 MiB, which is some 12 s of 1,000 records a second. After a kill the next process reads the log again, in 0.2 s. */
const mostLogPages = 32_768;
/** Syncs of the log between two checkpoints: to wake the thread costs more than what it copies of a few commits. */
const syncsBetween = 8;
/** SQLite's own, for the time without a thread. */
const usualCheckpoint = 1_000;
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 };

/**
 * Starts the thread. `database` is the connection that writes; while the thread runs its commits make no checkpoint.
 * `onFailure`: a sync has failed. The caller closes it before `database`.
 */
export function startCheckpoints(
  database: DatabaseSync,
  file: string,
  onFailure: (error: Error) => void,
  start: () => CheckpointWorker = () => startWorker(import.meta.url, 'checkpoint-worker', resourceLimits),
): Checkpoints {
  const worker = start();
  const send = (message: ToCheckpoints) => worker.postMessage(message);
  let busy = false;
  let closed = false;
  let syncs = syncsBetween;
  const ended = new Promise<void>((resolve) => worker.once('exit', resolve));
  const letCommits = (pages: number) => database.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
  worker.on('message', (message: FromCheckpoints) => {
    busy = false;
    if (closed) return;
    if (message.type === 'failed') {
      syncs = syncsBetween;
      onFailure(new Error(message.message));
      return;
    }
    letCommits(0);
    if (message.log <= mostLogPages) return;
    try {
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  });
  // It has no memory left, or a bug: commits make their checkpoints again.
  worker.on('error', () => {});
  worker.once('exit', () => {
    if (!closed) letCommits(usualCheckpoint);
    closed = true;
  });
  return {
    synced() {
      syncs += 1;
      if (busy || closed || syncs <= syncsBetween) return;
      syncs = 0;
      busy = true;
      send({ type: 'checkpoint', file });
    },
    async close() {
      if (!closed) send({ type: 'close' });
      closed = true;
      await ended;
    },
  };
}
