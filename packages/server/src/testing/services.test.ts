import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServiceInstance } from '../../../../tools/services/instance.ts';
import {
  ownPostgres,
  ownRedis,
  postgresFor,
  redisFor,
  withoutOwnPostgres,
  withoutOwnRedis,
  withoutPostgres,
  withoutRedis,
} from './services.ts';

const named = (name: string, without: string | undefined): string =>
  without === undefined ? name : `${name} (skipped: ${without})`;

describe.skipIf(withoutPostgres !== undefined)(named('the PostgreSQL of tests', withoutPostgres), () => {
  test('each test has a database of its own, which is gone at the end although it is in use', async () => {
    const ends: (() => Promise<void>)[] = [];
    const first = await postgresFor((end) => ends.push(end));
    const second = await postgresFor(onTestFinished);
    await query(first, 'CREATE TABLE a (b int)');
    await query(second, 'CREATE TABLE a (b int)');
    const left = await connect(first);
    await Promise.all(ends.map((end) => end()));
    await expect(left.query('SELECT 1')).rejects.toThrow();
    await expect(query(first, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
    expect(await query(second, 'SELECT count(*)::int AS n FROM a')).toEqual([{ n: 0 }]);
  });
});

describe.skipIf(withoutRedis !== undefined)(named('the Redis of tests', withoutRedis), () => {
  test('each test has a database of its own, which is empty at the end', async () => {
    const ends: (() => Promise<void>)[] = [];
    const first = await redisFor((end) => ends.push(end));
    const second = await redisFor(onTestFinished);
    const client = redisClient(first);
    await client.set('a', 'b');
    expect(await redisClient(second).get('a')).toBeNull();
    await Promise.all(ends.map((end) => end()));
    expect(await client.get('a')).toBeNull();
  });
});

describe.skipIf(withoutOwnPostgres !== undefined)(
  named('a PostgreSQL of its own', withoutOwnPostgres),
  () => {
    test('waits for the disk at a commit', async () => {
      expect(await query((await ownPostgres(onTestFinished)).url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    });

    test('has what was committed after kill -9, at the same address', async () => {
      const instance = await ownPostgres(onTestFinished);
      await query(instance.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
      const open = await connect(instance.url);
      await instance.kill();
      await expect(open.query('SELECT 1')).rejects.toThrow();
      await expect(query(instance.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await instance.start();
      expect(await query(instance.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    });

    test('answers nothing while it is frozen, and everything afterwards', async () => {
      const instance = await ownPostgres(onTestFinished);
      await expectFrozen(instance, () => query(instance.url, 'SELECT 1 AS one'), [{ one: 1 }]);
    });
  },
);

describe.skipIf(withoutOwnRedis !== undefined)(named('a Redis of its own', withoutOwnRedis), () => {
  test('comes back at the same address after kill -9, and empty', async () => {
    const instance = await ownRedis(onTestFinished);
    const client = redisClient(instance.url);
    await client.set('a', 'b');
    await instance.kill();
    await instance.start();
    expect(await redisClient(instance.url).get('a')).toBeNull();
  });

  test('answers nothing while it is frozen, and everything afterwards', async () => {
    const instance = await ownRedis(onTestFinished);
    const client = redisClient(instance.url);
    await client.ping();
    await expectFrozen(instance, () => client.ping(), 'PONG');
  });
});

async function expectFrozen(
  instance: ServiceInstance,
  ask: () => Promise<unknown>,
  answer: unknown,
): Promise<void> {
  instance.freeze();
  let answered = false;
  const asked = ask().finally(() => {
    answered = true;
  });
  await sleep(200);
  expect(answered).toBe(false);
  instance.thaw();
  expect(await asked).toEqual(answer);
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // A server that is killed is what these tests are about.
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

async function query(url: string, statement: string): Promise<unknown> {
  const client = await connect(url);
  return (await client.query(statement)).rows;
}

function redisClient(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}
