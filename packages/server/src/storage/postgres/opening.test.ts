import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ownPostgres, postgresFor, withoutOwnPostgres, withoutPostgres } from '../../testing/services.ts';
import type { OpenedStore } from '../opening.ts';
import { morning, someIntent, someRecord } from '../testing/store-values.ts';
import { postgresMigrations } from './migrations.ts';
import { openPostgresReader, openPostgresStore } from './open-postgres-store.ts';

const named = (name: string, without: string | undefined): string =>
  without === undefined ? name : `${name} (skipped: ${without})`;

async function open(url: string): Promise<OpenedStore> {
  const opened = await openPostgresStore({ url });
  if (!opened.ok) throw new Error(opened.message);
  onTestFinished(() => opened.store.close());
  return opened.store;
}

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

test('a URL that cannot be read, and an address where nothing listens, are said without the password', async () => {
  for (const url of ['not a url', 'mysql://u:hidden@h/d'])
    expect(await openPostgresStore({ url })).toMatchObject({ ok: false, reason: 'refused' });
  const away = await openPostgresStore({ url: 'postgres://user:hidden@127.0.0.1:1/database' });
  expect(away).toMatchObject({ ok: false, reason: 'unreachable' });
  if (!away.ok) {
    expect(away.message).toContain('127.0.0.1:1/database');
    expect(away.message).not.toContain('hidden');
  }
});

describe.skipIf(withoutPostgres !== undefined)(named('opening PostgreSQL', withoutPostgres), () => {
  test('three replicas that start at once migrate once', async () => {
    const url = await postgresFor(onTestFinished);
    await Promise.all([open(url), open(url), open(url)]);
    expect(await query(url, 'SELECT version::int FROM tailrace_versions')).toEqual(
      postgresMigrations.map(({ version }) => ({ version })),
    );
  });

  test('a database that is missing, or of a newer version, is refused', async () => {
    const url = new URL(await postgresFor(onTestFinished));
    const store = await open(url.href);
    await query(url.href, "INSERT INTO tailrace_versions VALUES (99, 'of the future', 0)");
    expect(await openPostgresStore({ url: url.href })).toMatchObject({ ok: false, reason: 'newer-schema' });
    // The one that runs is an older version from now on, and works on.
    expect(await store.admit([someIntent('a')])).toMatchObject([{ ok: true }]);
    url.pathname = '/no_such_database';
    expect(await openPostgresStore({ url: url.href })).toMatchObject({ ok: false, reason: 'refused' });
  });

  test('a database of another version is not read, says what to do, and stays as it is', async () => {
    const url = await postgresFor(onTestFinished);
    await (await open(url)).close();
    const versions = () => query(url, 'SELECT version::int FROM tailrace_versions ORDER BY version');
    await query(
      url,
      'DELETE FROM tailrace_versions WHERE version = (SELECT max(version) FROM tailrace_versions)',
    );
    const older = await versions();
    expect(await openPostgresReader({ url })).toMatchObject({
      ok: false,
      reason: 'older-schema',
      message: expect.stringContaining('run "tailrace db migrate"'),
    });
    expect(await versions()).toEqual(older);
    await query(url, "INSERT INTO tailrace_versions VALUES (99, 'of the future', 0)");
    expect(await openPostgresReader({ url })).toMatchObject({
      ok: false,
      reason: 'newer-schema',
      message: expect.stringContaining('use the version that made it, or a newer one'),
    });
  });

  test('a database without tables is not opened for reading, and gets none', async () => {
    const url = await postgresFor(onTestFinished);
    for (let again = 0; again < 2; again += 1)
      expect(await openPostgresReader({ url })).toMatchObject({ ok: false, reason: 'missing' });
  });
  test.each(['LATIN1', 'SQL_ASCII'])(
    'a database in %s is refused, with what to do, and left empty',
    async (encoding) => {
      const shared = await postgresFor(onTestFinished);
      const name = `tailrace_${encoding.toLowerCase()}_${randomBytes(8).toString('hex')}`;
      await query(shared, `CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
      onTestFinished(async () => void (await query(shared, `DROP DATABASE ${name} WITH (FORCE)`)));
      const url = new URL(shared);
      url.pathname = `/${name}`;
      expect(await openPostgresStore({ url: url.href })).toMatchObject({
        ok: false,
        reason: 'refused',
        message: expect.stringMatching(new RegExp(`${encoding}.*ENCODING 'UTF8'`)),
      });
      expect(await query(url.href, "SELECT relname FROM pg_class WHERE relname LIKE 'tailrace%'")).toEqual(
        [],
      );
    },
  );

  test('records are in partitions by month, the next month made ahead, by several clients at once', async () => {
    const url = await postgresFor(onTestFinished);
    const clients = await Promise.all([open(url), open(url)]);
    const months = [Date.UTC(2024, 11, 31, 23, 59, 59, 999), Date.UTC(2025, 0, 1), morning];
    await Promise.all(
      months.flatMap((createdAtMs, index) =>
        clients.map((client, of) => client.settle([someRecord(`r${index}-${of}`, { createdAtMs })])),
      ),
    );
    expect(
      await query(url, "SELECT relname FROM pg_class WHERE relname ~ '^records_[0-9_]+$' ORDER BY relname"),
    ).toEqual(
      ['2024_12', '2025_01', '2025_02', '2026_11', '2026_12'].map((month) => ({
        relname: `records_${month}`,
      })),
    );
    expect(await query(url, 'SELECT count(*)::int AS n FROM records_2025_01')).toEqual([{ n: 2 }]);
  });

  test('a partition that another replica has dropped is made again', async () => {
    const url = await postgresFor(onTestFinished);
    const [one, other] = [await open(url), await open(url)];
    const createdAtMs = Date.UTC(2025, 0, 1);
    await one.settle([someRecord('a', { createdAtMs })]);
    expect(await other.retire(morning)).toBe(1);
    await one.settle([someRecord('b', { createdAtMs })]);
    expect((await other.records({ limit: 5 })).data).toMatchObject([{ id: 'b' }]);
  });

  test('reports that wait take no connection from admissions', async () => {
    const url = await postgresFor(onTestFinished);
    const store = await open(url);
    await store.settle([someRecord('a')]);
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    // Sums read this table; admissions do not.
    await other.query('BEGIN; LOCK TABLE retired_usage IN ACCESS EXCLUSIVE MODE');
    const reports = Promise.all(Array.from({ length: 8 }, () => store.usage({ groupBy: [] })));
    expect(await store.admit([someIntent('b')])).toMatchObject([{ ok: true }]);
    await other.query('ROLLBACK');
    for (const rows of await reports) expect(rows).toMatchObject([{ requests: 1 }]);
  });

  test('no error of the store quotes a value', async () => {
    const url = await postgresFor(onTestFinished);
    const store = await open(url);
    const failed = store.secret('a planted secret \u0000', () => 'x');
    await expect(failed).rejects.toMatchObject({ name: 'StoreError', code: 'refused' });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('planted') });
  });
});

describe.skipIf(withoutOwnPostgres !== undefined)(
  named('a PostgreSQL that goes away', withoutOwnPostgres),
  () => {
    test('rejects as unreachable, ends nothing in this process, and works on when it is back', async () => {
      const instance = await ownPostgres(onTestFinished);
      const store = await open(instance.url);
      await store.admit([someIntent('a')]);
      // Idle connections and ones in use break.
      const running = Promise.allSettled(
        Array.from({ length: 6 }, (_, index) => store.admit([someIntent(`b${index}`)])),
      );
      await instance.kill();
      await running;
      await expect(store.settle([someRecord('a')])).rejects.toMatchObject({ code: 'unreachable' });
      await expect(store.keysAfter(0)).rejects.toMatchObject({ code: 'unreachable' });
      await instance.start();
      await store.ping();
      await store.settle([someRecord('a')]);
      expect((await store.records({ limit: 5, status: 'completed' })).data).toMatchObject([{ id: 'a' }]);
    });
  },
);

test.skipIf(withoutOwnPostgres !== undefined)(
  named('a store whose server is frozen is closed within seconds', withoutOwnPostgres),
  async () => {
    const postgres = await ownPostgres(onTestFinished);
    const opened = await openPostgresStore({ url: postgres.url });
    if (!opened.ok) throw new Error(opened.message);
    const { store } = opened;
    // Connections that are idle, and one that waits for an answer.
    await Promise.all([store.ping(), store.ping(), store.ping()]);
    postgres.freeze();
    const waits = store.ping().catch((error: unknown) => error);
    const beganMs = performance.now();
    await store.close();
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    expect(await waits).toMatchObject({ code: 'unreachable' });
  },
);
