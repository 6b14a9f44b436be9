import { Kysely, sql } from 'kysely';
import type { OpeningFailure, ReaderOpening, StoreOpening } from '../opening.ts';
import { migrate, schemaVersion } from '../sql/migrate.ts';
import { newerSchema, unreadableSchema } from '../sql/schema-problem.ts';
import type { Tables } from '../sql/tables.ts';
import { postgresName } from '../store-name.ts';
import { locks } from './locks.ts';
import { postgresMigrations } from './migrations.ts';
import { createPool, type Pool } from './pool.ts';
import { postgresOpeningFailure, sqlState } from './postgres-error.ts';
import { postgresSql } from './postgres-sql.ts';
import { createPostgresStore } from './postgres-store.ts';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`, as libpq reads it. */
  readonly url: string;
  /** Whether settled records and budgets that fill up become events for the webhook. */
  readonly outbox?: boolean;
}

/** Connects to PostgreSQL and brings the schema forward. Never rejects; the caller closes the store. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<StoreOpening> {
  const address = readAddress(options.url);
  if (address === undefined) return unreadableUrl;
  const { url, where } = address;
  let pool: Pool | undefined;
  try {
    pool = createPool(url);
    const db = new Kysely<Tables>({ dialect: pool.dialect });
    const encoding = await encodingOf(db);
    if (encoding !== 'UTF8') {
      await pool.close();
      return wrongEncoding(where, encoding);
    }
    const migrated = await migrate(postgresSql(db), {
      migrations: postgresMigrations,
      lock: async (transaction) => {
        await transaction.query(`SELECT pg_advisory_xact_lock(${locks.migrations})`);
      },
      nowMs: Date.now(),
    });
    if (migrated.type === 'newer') {
      await pool.close();
      return newerSchema(where, migrated.found, postgresMigrations.length);
    }
    return {
      ok: true,
      schema: migrated,
      store: createPostgresStore({
        pool,
        db,
        reports: createReportPool(url),
        outbox: options.outbox ?? false,
      }),
    };
  } catch (error) {
    await pool?.close();
    return postgresOpeningFailure(error, where);
  }
}

/**
 * Connects to PostgreSQL and changes nothing: a schema that another version has made stays as it is, and is refused. Never rejects; the
 * caller closes the reader.
 */
export async function openPostgresReader({ url: text }: { readonly url: string }): Promise<ReaderOpening> {
  const address = readAddress(text);
  if (address === undefined) return unreadableUrl;
  const { url, where } = address;
  let pool: Pool | undefined;
  try {
    pool = createPool(url);
    const db = new Kysely<Tables>({ dialect: pool.dialect });
    const problem = unreadableSchema(where, await schemaVersion(postgresSql(db)), postgresMigrations.length);
    if (problem !== undefined) {
      await pool.close();
      return problem;
    }
    return {
      ok: true,
      reader: createPostgresStore({ pool, db, reports: createReportPool(url), outbox: false }),
    };
  } catch (error) {
    await pool?.close();
    // No table has this name.
    if (sqlState(error) === '42P01')
      return {
        ok: false,
        reason: 'missing',
        message: `${where} has no tables of Tailrace: no server has used it yet`,
      };
    return postgresOpeningFailure(error, where);
  }
}

/** Two reports at a time; a sum over millions of records takes seconds. */
function createReportPool(url: string): Pool {
  return createPool(url, { maxConnections: 2, statementTimeoutMs: 60_000 });
}

const unreadableUrl: OpeningFailure = {
  ok: false,
  reason: 'refused',
  message: 'the database URL cannot be read; it has the form postgres://user:password@host:5432/database',
};

/**
 * The URL for `pg`, and where it leads, without its password. `sslmode` has the meaning that it has for every other client of
 * PostgreSQL: `require` encrypts, `verify-full` checks the certificate besides.
 */
function readAddress(text: string): { readonly url: string; readonly where: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') return undefined;
  if (url.searchParams.has('sslmode') && !url.searchParams.has('uselibpqcompat'))
    url.searchParams.set('uselibpqcompat', 'true');
  return { url: url.href, where: postgresName(url) };
}

async function encodingOf(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{
    encoding: string;
  }>`SELECT current_setting('server_encoding') AS encoding`.execute(db);
  return rows[0]?.encoding ?? '';
}

/** Another encoding lacks characters that requests have, or takes bytes that are no text. It cannot be changed later. */
function wrongEncoding(where: string, encoding: string): OpeningFailure {
  return {
    ok: false,
    reason: 'refused',
    message: `${where} has the encoding ${encoding}, and Tailrace needs UTF8; create another database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in the URL`,
  };
}
