import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import {
  type CheckpointAnswer,
  type CheckpointTask,
  type CheckpointWorker,
  emptyLogBytes,
  startCheckpoints,
} from './checkpoint-thread.ts';

const mib = 1024 * 1024;

function openDatabase() {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-checkpoints-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'database');
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${emptyLogBytes}; CREATE TABLE a (b)`,
  );
  return {
    file,
    database,
    write: (bytes: number) => database.prepare('INSERT INTO a VALUES (zeroblob(?))').run(bytes),
    logBytes: () => statSync(`${file}-wal`).size,
  };
}

/** A database with a log, and a thread that answers as the test says. */
async function start() {
  const { file, database, write } = openDatabase();
  const asked: CheckpointTask[] = [];
  let threads = 0;
  let worker = new EventEmitter();
  const failures: string[] = [];
  const checkpoints = startCheckpoints(
    database,
    file,
    ({ message }) => failures.push(message),
    () => {
      threads += 1;
      worker = new EventEmitter();
      process.nextTick(() => worker.emit('message', 'ready'));
      const members: Partial<CheckpointWorker> = {
        postMessage: (task) => void asked.push(task),
        ref() {},
        unref() {},
        terminate: async () => 0,
      };
      return Object.assign(worker, members) as unknown as CheckpointWorker;
    },
  );
  onTestFinished(() => checkpoints.close());
  return {
    asked,
    failures,
    write,
    threads: () => threads,
    async synced(logBytes: number) {
      checkpoints.synced(logBytes);
      await turn();
    },
    async answer(answer: CheckpointAnswer) {
      worker.emit('message', { answer, tookMs: 1 });
      await turn();
    },
    async end() {
      worker.emit('exit');
      await turn();
    },
    setting: () => database.prepare('PRAGMA wal_autocheckpoint').get()?.['wal_autocheckpoint'],
    begunAnew() {
      // A log that was copied whole begins anew with the next commit.
      write(1);
      const row = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number };
      return row.log <= 2;
    },
  };
}

test('a short log needs no thread, and its commits make no checkpoint', async () => {
  const { synced, threads, setting } = await start();
  for (let count = 0; count < 100; count += 1) await synced(15 * mib);
  expect(threads()).toBe(0);
  expect(setting()).toBe(0);
});

test('a log that has grown is copied once, and again when it has grown by as much or has begun anew', async () => {
  const { synced, answer, asked } = await start();
  await synced(17 * mib);
  await synced(40 * mib);
  expect(asked).toHaveLength(1);
  await answer({ type: 'done', log: 10 });
  await synced(32 * mib);
  expect(asked).toHaveLength(1);
  await synced(34 * mib);
  expect(asked).toHaveLength(2);
  await answer({ type: 'done', log: 10 });
  await synced(4 * mib);
  await synced(17 * mib);
  expect(asked).toHaveLength(3);
});

test('where the thread ends, commits make checkpoints, until a thread has made one again', async () => {
  const { synced, answer, end, setting } = await start();
  await synced(17 * mib);
  await end();
  expect(setting()).toBe(1_000);
  await synced(34 * mib);
  await answer({ type: 'done', log: 10 });
  expect(setting()).toBe(0);
});

test('a log that has grown far is copied whole by the thread of the store, a shorter one is not', async () => {
  for (const [log, anew] of [
    [1_000, false],
    [40_000, true],
  ] as const) {
    const { write, synced, answer, begunAnew } = await start();
    for (let count = 0; count < 20; count += 1) write(1_000);
    await synced(17 * mib);
    await answer({ type: 'done', log });
    expect(begunAnew()).toBe(anew);
  }
});

test('a checkpoint that fails is a failed sync, and the next sync asks for another one', async () => {
  const { synced, answer, failures, asked } = await start();
  await synced(17 * mib);
  await answer({ type: 'failed', message: 'disk I/O error' });
  expect(failures).toEqual(['disk I/O error']);
  await synced(17 * mib);
  expect(asked).toHaveLength(2);
});

test('the thread copies what was committed into the database, and the log begins anew, cut', async () => {
  const { file, database, write, logBytes } = openDatabase();
  const checkpoints = startCheckpoints(database, file, (error) => {
    throw error;
  });
  onTestFinished(() => checkpoints.close());
  write(17 * mib);
  checkpoints.synced(logBytes());
  while (statSync(file).size < 17 * mib) await sleep(20);
  // It ends the thread when the checkpoint is whole.
  await checkpoints.close();
  write(1);
  expect(logBytes()).toBe(emptyLogBytes);
});
