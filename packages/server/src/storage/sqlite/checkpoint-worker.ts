import { DatabaseSync } from 'node:sqlite';
import { serveTasks } from '../../worker/serve-tasks.ts';
import type { CheckpointAnswer, CheckpointTask } from './checkpoint-thread.ts';

/* The thread of `checkpoint-thread.ts`. Each task has a connection of its own, which costs a millisecond. */

serveTasks(({ file }: CheckpointTask): CheckpointAnswer => {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA synchronous = NORMAL');
    const row = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number };
    return { type: 'done', log: row.log };
  } catch (error) {
    // Another process makes one now: the next one comes soon.
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) return { type: 'done', log: 0 };
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  } finally {
    database?.close();
  }
});
