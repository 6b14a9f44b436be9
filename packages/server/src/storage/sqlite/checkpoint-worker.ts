import { DatabaseSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import type { FromCheckpoints, ToCheckpoints } from './checkpoint-thread.ts';

/* The thread of `checkpoint-thread.ts`. */

const parent = parentPort;
if (parent === null) throw new Error('this file runs on a thread');
let database: DatabaseSync | undefined;

parent.on('message', (message: ToCheckpoints) => {
  if (message.type === 'close') {
    database?.close();
    parent.close();
    return;
  }
  parent.postMessage(checkpoint(message.file));
});

function checkpoint(file: string): FromCheckpoints {
  try {
    if (database === undefined) {
      database = new DatabaseSync(file, { timeout: 0 });
      database.exec('PRAGMA synchronous = NORMAL');
    }
    const row = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number };
    return { type: 'done', log: row.log };
  } catch (error) {
    // Another process makes one now: the next one comes soon.
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) return { type: 'done', log: 0 };
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}
