import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { OpenedStore } from '../opening.ts';
import { sqliteFile } from '../store-name.ts';
import { creation, morning, someIntent, someKey, someRecord } from '../testing/store-values.ts';
import { openSqliteReader, openSqliteStore } from './open-sqlite-store.ts';

const now = () => morning;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-opening-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(dataDir: string): Promise<OpenedStore> {
  const opened = await openSqliteStore({ dataDir, now });
  if (!opened.ok) throw new Error(opened.message);
  onTestFinished(() => opened.store.close());
  return opened.store;
}

/** A process that has the folder open. */
async function holder(dataDir: string): Promise<ChildProcess> {
  const module = new URL('./open-sqlite-store.ts', import.meta.url).href;
  const script = `
    import { openSqliteStore } from '${module}';
    const opened = await openSqliteStore({
      dataDir: ${JSON.stringify(dataDir)}, now: Date.now, holder: { pid: process.pid, address: '127.0.0.1:7245' },
    });
    if (!opened.ok) throw new Error(opened.message);
    await opened.store.settle([${JSON.stringify(someRecord('of-the-holder'))}]);
    console.log('open');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(
    process.execPath,
    ['--conditions=tailrace-source', '--input-type=module', '--eval', script],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('its output is not piped');
  await once(child.stdout, 'data');
  return child;
}

describe('a data folder', () => {
  test.skipIf(process.platform === 'win32')(
    'and the database in it are open to their user only',
    async () => {
      const dataDir = join(folder(), 'data');
      await (await open(dataDir)).settle([someRecord('a')]);
      const rights = (path: string) => (statSync(path).mode & 0o777).toString(8);
      expect(rights(dataDir)).toBe('700');
      for (const suffix of ['', '-wal', '-shm'])
        expect(rights(`${sqliteFile(dataDir)}${suffix}`)).toBe('600');
    },
  );

  test('is locked by the process that uses it, which is named, and free after kill -9 with all that was stored', async () => {
    const dataDir = folder();
    const child = await holder(dataDir);
    const refused = await openSqliteStore({ dataDir, now });
    expect(refused).toMatchObject({ ok: false, reason: 'locked' });
    if (!refused.ok) {
      expect(refused.message).toContain(`process ${child.pid}`);
      expect(refused.message).toContain('127.0.0.1:7245');
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = await open(dataDir);
    expect((await store.records({ limit: 5 })).data).toMatchObject([{ id: 'of-the-holder' }]);
  });

  test('is free again after it has been closed', async () => {
    const dataDir = folder();
    const first = await openSqliteStore({ dataDir, now });
    expect(first.ok).toBe(true);
    if (first.ok) await first.store.close();
    await open(dataDir);
  });

  test('is made where it is missing', async () => {
    await open(join(folder(), 'a', 'b'));
  });

  test('that cannot be written is said with its path', async () => {
    const file = join(folder(), 'a-file');
    writeFileSync(file, '');
    expect(await openSqliteStore({ dataDir: join(file, 'data'), now })).toMatchObject({
      ok: false,
      reason: 'unwritable',
      message: expect.stringContaining(file),
    });
  });

  test('whose database is none, or of a newer version, is left as it is', async () => {
    const dataDir = folder();
    writeFileSync(sqliteFile(dataDir), 'this is no database, and long enough to be seen as none '.repeat(20));
    expect(await openSqliteStore({ dataDir, now })).toMatchObject({ ok: false, reason: 'not-a-database' });
    rmSync(sqliteFile(dataDir));
    const store = await open(dataDir);
    await store.close();
    const database = new DatabaseSync(sqliteFile(dataDir));
    database.exec("INSERT INTO tailrace_versions VALUES (99, 'of the future', 0)");
    database.close();
    expect(await openSqliteStore({ dataDir, now })).toMatchObject({
      ok: false,
      reason: 'newer-schema',
      message: expect.stringContaining('schema 99'),
    });
    expect(await openSqliteReader({ dataDir, now })).toMatchObject({ ok: false, reason: 'newer-schema' });
  });

  test('whose database is of an older version is not read, and stays as it is', async () => {
    const dataDir = folder();
    await (await open(dataDir)).close();
    const database = new DatabaseSync(sqliteFile(dataDir));
    database.exec('DELETE FROM tailrace_versions WHERE version > 1');
    expect(await openSqliteReader({ dataDir, now })).toMatchObject({
      ok: false,
      reason: 'older-schema',
      message: expect.stringContaining('run "tailrace db migrate"'),
    });
    expect(database.prepare('SELECT version FROM tailrace_versions').all()).toHaveLength(1);
    database.close();
  });
});

describe('a reader beside a running service', () => {
  test('sees what the service has stored, and exports one state while the service writes', async () => {
    const dataDir = folder();
    const store = await open(dataDir);
    await store.change(creation(someKey('key_a')));
    const opened = await openSqliteReader({ dataDir, now });
    if (!opened.ok) throw new Error(opened.message);
    const { reader } = opened;
    expect(await reader.key('key_a')).toBeDefined();
    await store.settle(Array.from({ length: 1_100 }, (_, index) => someRecord(`r${index}`)));
    let records = 0;
    for await (const row of reader.exportRows()) {
      if (row['table'] !== 'records') continue;
      if (records === 0) await store.settle([someRecord('z')]);
      records += 1;
    }
    expect(records).toBe(1_100);
    await reader.close();
  });

  test('says where there is no database', async () => {
    expect(await openSqliteReader({ dataDir: folder(), now })).toMatchObject({
      ok: false,
      reason: 'missing',
      message: expect.stringContaining('no server has used this data folder yet'),
    });
  });
});

describe.skipIf(process.platform === 'win32')('a database whose file is taken away', () => {
  test('rejects every write, says so once, and takes them when the file is back', async () => {
    const dataDir = folder();
    const said: boolean[] = [];
    const opened = await openSqliteStore({ dataDir, now, onLost: (lost) => said.push(lost) });
    if (!opened.ok) throw new Error(opened.message);
    const { store } = opened;
    onTestFinished(() => store.close());
    const file = sqliteFile(dataDir);
    await store.settle([someRecord('a')]);
    renameSync(file, `${file}.away`);
    const lost = {
      name: 'StoreError',
      code: 'fault',
      message: expect.stringContaining('deleted or replaced'),
    };
    await expect(store.beat('process_1')).rejects.toMatchObject(lost);
    writeFileSync(file, '');
    await expect(store.admit([someIntent('b')])).rejects.toMatchObject(lost);
    await expect(store.change(creation(someKey('key_a')))).rejects.toMatchObject(lost);
    await expect(store.ping()).rejects.toMatchObject(lost);
    expect(said).toEqual([true]);
    renameSync(`${file}.away`, file);
    await store.settle([someRecord('b')]);
    expect(said).toEqual([true, false]);
  });
});

describe('a database that another process has locked', () => {
  test('rejects writes, reads all the same, and takes them again afterwards', async () => {
    const dataDir = folder();
    const store = await open(dataDir);
    const other = new DatabaseSync(sqliteFile(dataDir));
    other.exec('BEGIN IMMEDIATE');
    await expect(store.admit([someIntent('a')])).rejects.toMatchObject({ name: 'StoreError', code: 'busy' });
    await expect(store.change(creation(someKey('key_a')))).rejects.toMatchObject({ code: 'busy' });
    expect(await store.spent([])).toEqual([]);
    other.exec('ROLLBACK');
    other.close();
    expect(await store.admit([someIntent('a')])).toMatchObject([{ ok: true }]);
  });
});

test('a database that is locked for a moment is waited for at the start', async () => {
  const dataDir = folder();
  await (await open(dataDir)).close();
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(${JSON.stringify(sqliteFile(dataDir))});
    database.exec('BEGIN IMMEDIATE');
    console.log('locked');
    setTimeout(() => database.exec('ROLLBACK'), 300);
  `;
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  expect(await (await open(dataDir)).admit([someIntent('a')])).toMatchObject([{ ok: true }]);
});

test.skipIf(process.platform === 'win32')('only the user of the process may read the files', async () => {
  const dataDir = folder();
  const store = await open(dataDir);
  await store.admit([someIntent('a')]);
  const readable = readdirSync(dataDir).filter(
    (name) => name.startsWith('tailrace.sqlite') && (statSync(join(dataDir, name)).mode & 0o077) !== 0,
  );
  expect(readable).toEqual([]);
});

test('a store that has been closed rejects', async () => {
  const store = await open(folder());
  await store.close();
  await store.close();
  await expect(store.ping()).rejects.toMatchObject({ code: 'closed' });
});
