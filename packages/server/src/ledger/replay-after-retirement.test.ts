import { describe, expect, onTestFinished, test } from 'vitest';
import type { OpenedStore } from '../storage/opening.ts';
import { openPostgresStore } from '../storage/postgres/open-postgres-store.ts';
import { startMemoryServer } from '../storage/testing/memory-store.ts';
import { postgresFor, withoutPostgres } from '../testing/services.ts';
import { createRecordWriter } from './record-writer.ts';
import { openSpool } from './spool/spool.ts';
import { fakeIntent, fakeSettled } from './testing/fake-records.ts';
import { createMemoryDisk, type MemoryDisk } from './testing/memory-spool-files.ts';

const dayMs = 86_400_000;
const longAgo = Date.now() - 100 * dayMs;

async function inPostgres(): Promise<OpenedStore> {
  const opened = await openPostgresStore({ url: await postgresFor(onTestFinished) });
  if (!opened.ok) throw new Error(opened.message);
  onTestFinished(() => opened.store.close());
  return opened.store;
}

async function inSqlite(): Promise<OpenedStore> {
  const server = await startMemoryServer({ now: Date.now, random: Math.random });
  onTestFinished(() => server.close());
  return server.inside;
}

/** The writer of a process that is killed, unless it is closed. */
function process(store: OpenedStore, disk: MemoryDisk, name: string) {
  const { files, kill } = disk.process();
  const opened = openSpool({
    folder: '/data/spool',
    name,
    maxBytes: 1024 ** 2,
    files,
    after: () => () => {},
  });
  if (!opened.ok) throw new Error(opened.message);
  const log = { info() {}, warn() {}, error() {} };
  const every = () => () => {};
  const options = { store, shared: true, spool: opened.spool, log, later: setImmediate, every };
  return { writer: createRecordWriter(options), kill };
}

describe.each([
  { name: 'SQLite', store: inSqlite, without: undefined },
  { name: 'PostgreSQL', store: inPostgres, without: withoutPostgres },
])('over $name', ({ store: open, without }) => {
  test.skipIf(without !== undefined)(
    'what was stored before a kill, and retired since, is counted once when the spool of the dead process is taken over',
    async () => {
      const store = await open();
      const disk = createMemoryDisk();
      const first = process(store, disk, 'first');
      const intent = fakeIntent('a', { createdAtMs: longAgo });
      expect(await first.writer.admit(intent)).toMatchObject({ ok: true });
      first.writer.settle(fakeSettled(intent));
      // Its intent waits in the spool too.
      const other = fakeIntent('b', { createdAtMs: longAgo });
      first.writer.progress({
        ...other,
        target: 'lab/llama',
        promptTokens: 1,
        completionTokens: 1,
        costMicroUsd: 0,
      });
      first.writer.settle(fakeSettled(other));
      expect(await first.writer.stored()).toBe(true);
      first.kill();
      expect(await store.retire(longAgo + 2 * dayMs)).toBe(2);
      const before = await store.usage({ groupBy: ['key', 'day'] });
      expect(before).toMatchObject([{ requests: 2 }]);
      const second = process(store, disk, 'second');
      expect(await second.writer.recover()).toBe(true);
      await store.closeDead({ living: [], expiredMs: -dayMs, nowMs: Date.now() });
      expect(await store.usage({ groupBy: ['key', 'day'] })).toEqual(before);
      await second.writer.close();
    },
  );
});
