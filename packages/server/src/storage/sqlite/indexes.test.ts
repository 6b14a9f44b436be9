import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import type { Page } from '../contract.ts';
import type { RecordQuery } from '../records.ts';
import { migrate } from '../sql/migrate.ts';
import { recordColumns, recordRow } from '../sql/request-row.ts';
import { midnight, morning, someRecord } from '../testing/store-values.ts';
import { createBuiltQueries } from './built-queries.ts';
import { createConnectionTurns } from './connection-turns.ts';
import { sqliteMigrations } from './migrations.ts';
import { sqliteSql } from './sqlite-sql.ts';
import { createSqliteStore } from './sqlite-store.ts';
import { valuesOf } from './statement.ts';

const migrateTo = (database: DatabaseSync, version: number) =>
  migrate(sqliteSql(database, createConnectionTurns()), {
    migrations: sqliteMigrations.slice(0, version),
    lock: async () => {},
    nowMs: morning,
  });

/** A store, and the plans of the statements that its queries run on `records`. */
async function open() {
  const database = new DatabaseSync(':memory:');
  const statements: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
  await migrateTo(database, sqliteMigrations.length);
  const store = createSqliteStore({
    database,
    now: () => morning,
    openBuiltQueries: async (options) =>
      createBuiltQueries(options, ({ query }) => void statements.push(query)),
  });
  onTestFinished(() => store.close());
  return {
    store,
    database,
    async planOf(work: () => Promise<unknown>): Promise<string> {
      statements.length = 0;
      await work();
      return statements
        .filter(({ sql }) => sql.includes('"records"'))
        .flatMap(({ sql, parameters }) =>
          database
            .prepare(`EXPLAIN QUERY PLAN ${sql}`)
            .all(...(parameters as (string | number)[]))
            .map(({ detail }) => String(detail)),
        )
        .join('; ');
    },
  };
}

const asked: readonly (readonly [query: RecordQuery & Page, plan: string])[] = [
  [{ limit: 10 }, 'sqlite_autoindex_records_1'],
  [
    { limit: 10, sinceMs: midnight, untilMs: morning },
    'sqlite_autoindex_records_1 (created_at>? AND created_at<?)',
  ],
  [{ limit: 10, model: 'acme/chat' }, 'sqlite_autoindex_records_1'],
  [{ limit: 10, id: 'a' }, 'records_id (id=?)'],
  [{ limit: 10, after: 'a' }, 'records_id (id=?)'],
  [{ limit: 10, keyId: 'key_a' }, 'records_key (key_id=?)'],
  [{ limit: 10, owner: 'acme' }, 'records_owner (owner=?)'],
  [{ limit: 10, user: 'ann' }, 'records_user (end_user=?)'],
  [{ limit: 10, status: 'cut' }, 'records_status (status=?)'],
  [{ limit: 10, tag: { name: 'team', value: 'blue' } }, 'USING PRIMARY KEY (tag=?'],
];

test('each index of records is used by a question of the administration, and each of its filters has one', async () => {
  const { store, database, planOf } = await open();
  await store.settle([someRecord('a')]);
  const plans: string[] = [];
  for (const [query, plan] of asked) {
    const found = await planOf(() => store.records(query));
    expect(found).toContain(plan);
    plans.push(found);
  }
  const indexes = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'records'")
    .all();
  expect(indexes.filter(({ name }) => !plans.some((plan) => plan.includes(String(name))))).toEqual([]);
});

test('sums read the records in one pass, and never in the order of an index', async () => {
  const { store, planOf } = await open();
  for (const group of ['key', 'owner', 'user', 'model', 'target', 'day', 'hour', 'tag:team'] as const)
    expect(await planOf(() => store.usage({ groupBy: [group] }))).toMatch(/SCAN records(?! USING)/);
});

test('a database of the first schema is brought forward with its records', async () => {
  const database = new DatabaseSync(':memory:');
  await migrateTo(database, 1);
  database
    .prepare(`INSERT INTO records (${recordColumns.join()}) VALUES (${recordColumns.map(() => '?').join()})`)
    .run(...valuesOf(recordRow(someRecord('a')), recordColumns));
  await migrateTo(database, sqliteMigrations.length);
  const store = createSqliteStore({ database, now: () => morning });
  onTestFinished(() => store.close());
  expect(database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'records_model'").get()).toBeUndefined();
  expect((await store.records({ limit: 5, model: 'acme/chat' })).data).toMatchObject([{ id: 'a' }]);
});
