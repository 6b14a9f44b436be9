import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { sqliteFile } from '../store-name.ts';
import { morning, someRecord } from '../testing/store-values.ts';
import { type FromCheckpoints, startCheckpoints, type ToCheckpoints } from './checkpoint-thread.ts';
import { openSqliteStore } from './open-sqlite-store.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-checkpoints-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A database with a log, and a thread that answers as the test says. */
function start() {
  const file = join(folder(), 'database');
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (b TEXT)');
  const asked: ToCheckpoints[] = [];
  const worker = Object.assign(new EventEmitter(), {
    postMessage: (message: ToCheckpoints) => void asked.push(message),
  });
  const failures: string[] = [];
  const checkpoints = startCheckpoints(
    database,
    file,
    ({ message }) => failures.push(message),
    () => worker,
  );
  return {
    checkpoints,
    asked,
    failures,
    answer: (message: FromCheckpoints) => worker.emit('message', message),
    end: () => worker.emit('exit'),
    write: () => database.exec(`INSERT INTO a VALUES ('${'x'.repeat(1_000)}')`),
    setting: () => database.prepare('PRAGMA wal_autocheckpoint').get()?.['wal_autocheckpoint'],
    begunAnew() {
      // A log that was copied whole begins anew with the next commit.
      database.exec("INSERT INTO a VALUES ('y')");
      const row = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number };
      return row.log <= 2;
    },
  };
}

test('commits make no checkpoint while the thread runs, and make them again when it has ended', () => {
  const { checkpoints, answer, end, setting, asked } = start();
  expect(setting()).toBe(1_000);
  checkpoints.synced();
  answer({ type: 'done', log: 10 });
  expect(setting()).toBe(0);
  end();
  expect(setting()).toBe(1_000);
  checkpoints.synced();
  expect(asked).toHaveLength(1);
});

test('one checkpoint is asked for at a time, and some syncs pass between two', () => {
  const { checkpoints, answer, asked } = start();
  const sync = (times: number) => {
    for (let count = 0; count < times; count += 1) checkpoints.synced();
  };
  sync(1);
  expect(asked).toHaveLength(1);
  sync(20);
  expect(asked).toHaveLength(1);
  answer({ type: 'done', log: 10 });
  sync(1);
  expect(asked).toHaveLength(2);
  answer({ type: 'done', log: 10 });
  sync(8);
  expect(asked).toHaveLength(2);
  sync(1);
  expect(asked).toHaveLength(3);
});

test('a log that has grown is copied whole by the thread of the store, a short one is not', () => {
  for (const [log, anew] of [
    [1_000, false],
    [40_000, true],
  ] as const) {
    const { write, checkpoints, answer, begunAnew } = start();
    for (let count = 0; count < 20; count += 1) write();
    checkpoints.synced();
    answer({ type: 'done', log });
    expect(begunAnew()).toBe(anew);
  }
});

test('a checkpoint that fails is a failed sync, and the next one is asked for all the same', () => {
  const { checkpoints, answer, failures, asked } = start();
  checkpoints.synced();
  answer({ type: 'failed', message: 'disk I/O error' });
  expect(failures).toEqual(['disk I/O error']);
  checkpoints.synced();
  expect(asked).toHaveLength(2);
});

test('the thread copies what was committed into the database', async () => {
  const dataDir = folder();
  const opened = await openSqliteStore({ dataDir, now: () => morning, threads: true });
  if (!opened.ok) throw new Error(opened.message);
  const { store } = opened;
  onTestFinished(() => store.close());
  await store.settle([someRecord('a')]);
  // Without its log the database has only what checkpoints have copied.
  const find = () => {
    const database = new DatabaseSync(`file:${sqliteFile(dataDir)}?immutable=1`, { readOnly: true });
    try {
      return database.prepare("SELECT count(*) AS count FROM records WHERE id = 'a'").get()?.['count'];
    } catch {
      return 0;
    } finally {
      database.close();
    }
  };
  while (find() !== 1) await sleep(20);
});
