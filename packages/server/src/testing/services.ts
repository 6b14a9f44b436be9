import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { ServiceInstance } from '../../../../tools/services/instance.ts';
import { startPostgres } from '../../../../tools/services/postgres.ts';
import { findPrograms, type Programs, type ServiceName } from '../../../../tools/services/programs.ts';
import { startRedis } from '../../../../tools/services/redis.ts';

/*
 * The PostgreSQL and the Redis that `npm test` starts, by the variables in which it hands out their addresses. Tests share
 * these two and never stop them; a test of outages starts instances of its own.
 */
const postgresUrl = process.env['TAILRACE_TEST_POSTGRES'] || undefined;
const redisUrl = process.env['TAILRACE_TEST_REDIS'] || undefined;

/*
 * Why a test cannot have them; undefined where it can. A suite that needs one is skipped with this reason in its name. Without
 * the variables there are none of its own either: `npm run check` starts no services.
 */
export const withoutPostgres = missing('TAILRACE_TEST_POSTGRES', postgresUrl);
export const withoutRedis = missing('TAILRACE_TEST_REDIS', redisUrl);
export const withoutOwnPostgres = withoutPostgres ?? withoutPrograms('PostgreSQL');
export const withoutOwnRedis = withoutRedis ?? withoutPrograms('Redis');

/** Takes the work that ends what was made: vitest's `onTestFinished`, or a function that keeps it for `afterAll`. */
export type AtEnd = (work: () => Promise<void>) => unknown;

/** Makes an empty database; the result is its URL. At the end its connections are closed and it is dropped. */
export async function postgresFor(atEnd: AtEnd): Promise<string> {
  if (postgresUrl === undefined) throw new Error(withoutPostgres);
  const name = `tailrace_${randomBytes(8).toString('hex')}`;
  await runOn(postgresUrl, `CREATE DATABASE ${name}`);
  atEnd(() => runOn(postgresUrl, `DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * Takes an empty database; the result is its URL, with the number. At the end it is emptied. Channels (`PUBLISH`) and the
 * kept scripts belong to the whole server: tests that run at the same time share them.
 */
export async function redisFor(atEnd: AtEnd): Promise<string> {
  if (redisUrl === undefined) throw new Error(withoutRedis);
  const shared = new Redis(redisUrl);
  let url: string;
  try {
    const setting: unknown = await shared.config('GET', 'databases');
    const databases = Array.isArray(setting) ? Number(setting[1]) : 16;
    // The counter is in database 0, which no test gets. A number comes again only after all others.
    const turn = await shared.incr('tailrace:test:turn');
    const withNumber = new URL(redisUrl);
    withNumber.pathname = `/${1 + (turn % (databases - 1))}`;
    url = withNumber.href;
  } finally {
    shared.disconnect();
  }
  await emptyRedis(url);
  atEnd(() => emptyRedis(url));
  return url;
}

/** Starts a PostgreSQL that belongs to one test, which may kill, freeze and restart it. At the end it is deleted. */
export async function ownPostgres(atEnd: AtEnd): Promise<ServiceInstance> {
  return await own(startPostgres, 'PostgreSQL', atEnd);
}

/** Starts a Redis that belongs to one test, which may kill, freeze and restart it. After a kill it is empty. */
export async function ownRedis(atEnd: AtEnd): Promise<ServiceInstance> {
  return await own(startRedis, 'Redis', atEnd);
}

/** Sends one command to a Redis, such as `FLUSHALL`. */
export async function commandRedis(url: string, command: string, ...args: string[]): Promise<void> {
  const client = new Redis(url);
  try {
    await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

async function own(
  start: (programs: Programs) => Promise<ServiceInstance>,
  name: ServiceName,
  atEnd: AtEnd,
): Promise<ServiceInstance> {
  const programs = findPrograms(name);
  if (programs === undefined) throw new Error(withoutPrograms(name));
  const instance = await start(programs);
  atEnd(() => instance.remove());
  return instance;
}

function missing(variable: string, url: string | undefined): string | undefined {
  return url === undefined ? `no ${variable}; npm test sets it` : undefined;
}

function withoutPrograms(name: ServiceName): string | undefined {
  return findPrograms(name) === undefined ? `no programs of ${name} to start another` : undefined;
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function emptyRedis(url: string): Promise<void> {
  await commandRedis(url, 'FLUSHDB');
}
