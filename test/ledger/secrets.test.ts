/*
 * Secrets and prompts come out nowhere: a server that logs all it can, upstreams whose errors repeat what they were sent, clients
 * that put keys into wrong places, a kill -9. `user` and tags belong into records, prompts and secrets do not.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { bytesBelow, dumpOf, dumpOfRedis } from '../../packages/server/src/testing/dumps.ts';
import {
  postgresFor,
  redisFor,
  withoutPostgres,
  withoutRedis,
} from '../../packages/server/src/testing/services.ts';
import { oneAttempt } from '../support/lab.ts';
import { createScratch } from '../support/scratch.ts';
import { type ServerOptions, startServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { administer, allRecords, makeKey } from './administrator.ts';
import { answerWord, chat, models, planted, play, promptWord, send, user } from './indiscreet-client.ts';
import { type RepeatingUpstream, startRepeatingUpstream } from './repeating-upstream.ts';
import { signingSecretOf } from './signing-secret.ts';

const atEnd: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const work of atEnd.splice(0).toReversed()) await work();
});

/** Here a key rests after a request, so the other models have other upstreams. */
const ownUpstream = { 'refuses-key': true, 'limits-key': true };

/** As a configuration takes a variable of the environment. */
const variable = (name: string): string => `\${${name}}`;

interface Stores {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
}

interface Receiver {
  readonly url: string;
  readonly bodies: readonly string[];
}

/** Takes events; the first one only at a second try, because it repeats what it was sent, as an error. */
async function startReceiver(): Promise<Receiver> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.statusCode = bodies.length === 1 ? 500 : 200;
      response.end(`${JSON.stringify(request.headers)} ${request.url} ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, bodies };
}

function optionsFor(
  { databaseUrl, redisUrl }: Stores,
  upstream: RepeatingUpstream,
  hook: string,
): ServerOptions {
  const lab = {
    kind: 'openai',
    base_url: upstream.baseUrl,
    api_key: [variable('PLANTED_ONE'), variable('PLANTED_TWO')],
    headers: {
      'x-secret': variable('PLANTED_HEADER'),
      'x-authorization': `Bearer ${variable('PLANTED_HEADER')}`,
    },
  };
  return {
    model: 'none',
    config: {
      ...oneAttempt,
      logging: { level: 'debug' },
      upstreams: Object.fromEntries(['lab', ...Object.keys(ownUpstream)].map((name) => [name, lab])),
      models: Object.fromEntries(
        models.map((model) => [
          `lab/${model}`,
          { targets: [{ upstream: model in ownUpstream ? model : 'lab', model }] },
        ]),
      ),
      breaker: { failures: 1000 },
      usage: {
        webhook: { url: `${hook}?token=${planted.webhookUrlToken}`, secret: variable('PLANTED_WEBHOOK') },
      },
    },
    env: {
      PLANTED_ONE: planted.upstreamKey,
      PLANTED_TWO: planted.secondUpstreamKey,
      PLANTED_HEADER: planted.upstreamHeader,
      PLANTED_WEBHOOK: planted.webhookSecret,
      PLANTED_RELOAD: planted.reloaded,
      ...(databaseUrl === undefined
        ? {}
        : { TAILRACE_DATABASE_URL: withPassword(databaseUrl, planted.databasePassword) }),
      ...(redisUrl === undefined
        ? {}
        : { TAILRACE_REDIS_URL: withPassword(redisUrl, planted.redisPassword) }),
    },
  };
}

/** The services of the tests ask for no password, and take any. */
function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.username ||= 'default';
  changed.password = password;
  return changed.href;
}

/** In base64 after so many bytes, without the characters that also hold bits of the bytes before and after. */
const base64Behind = (bytes: number, secret: string): string =>
  Buffer.from(`${':'.repeat(bytes)}${secret}`)
    .toString('base64')
    .slice(Math.ceil((bytes * 4) / 3), Math.floor(((bytes + secret.length) * 4) / 3));

/** Which of the secrets are in this text, by name. */
function found(where: string, shown: string, secrets: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(secrets)
    .filter(([, secret]) =>
      [secret, Buffer.from(secret).toString('hex'), ...[0, 1, 2].map((at) => base64Behind(at, secret))].some(
        (spelling) => shown.includes(spelling),
      ),
    )
    .map(([name, secret]) => {
      const at = shown.indexOf(secret);
      return `${where} holds ${name}: …${shown.slice(Math.max(0, at - 120), at + 80)}…`;
    });
}

async function expectNothingComesOut(stores: Stores): Promise<void> {
  const scratch = createScratch('secrets');
  atEnd.push(() => scratch.remove());
  const upstream = await startRepeatingUpstream(`${answerWord} grows.`);
  atEnd.push(() => upstream.close());
  const receiver = await startReceiver();
  const options = { ...optionsFor(stores, upstream, receiver.url), dataDir: scratch.path };
  const errors: string[] = [];
  let logs = '';

  const first = await startServer(options);
  atEnd.push(() => first.stop());
  // Without a budget: it is admitted while the database is locked.
  const made = await makeKey(first, {
    owner: 'acme',
    requests_per_minute: 100_000,
  });
  const rotated = (await administer(first, `keys/${made.id}/rotate`, { overlap: '1h' })) as { key: string };
  await play(first, made.key, errors);
  const signing = [await signingSecretOf({ dataDir: scratch.path, ...stores })];
  errors.push(JSON.stringify(await administer(first, 'keys/rotate-signing', {})));
  signing.push(await signingSecretOf({ dataDir: scratch.path, ...stores }));
  // Records that wait: the spool holds them. Over PostgreSQL it is the same spool.
  const lock = stores.databaseUrl === undefined ? lockedSqlite(scratch.path) : undefined;
  await play(first, rotated.key, errors);
  const spooled = bytesBelow(`${scratch.path}/spool`);
  if (lock !== undefined) expect(spooled.includes(user), 'records in the spool').toBe(true);
  lock?.();
  // A reload that is refused, with a secret where a number is expected.
  const config = readFileSync(first.configFile, 'utf8');
  writeFileSync(
    first.configFile,
    config.replace('"failures": 1000', `"failures": "${variable('PLANTED_RELOAD')}"`),
  );
  const reloaded = await send(first, errors, {
    path: '/admin/v1/reload',
    headers: { authorization: `Bearer ${first.adminKey}` },
  });
  expect(reloaded).toContain('breaker.failures');
  const lasting = send(first, errors, {
    headers: { authorization: `Bearer ${rotated.key}` },
    body: chat('lab/lasts', { stream: true }),
  }).catch(() => '');
  await until('the stream that is killed', 20_000, async () =>
    (await allRecords(first, 'status=open')).length > 0 ? true : undefined,
  );
  await until('events', 30_000, () => (receiver.bodies.length > 10 ? true : undefined));
  // Its progress is in the store.
  await delay(1_200);
  await first.kill();
  await lasting;
  logs += first.logs();
  const killed = bytesBelow(scratch.path);

  const second = await startServer(options);
  atEnd.push(() => second.stop());
  await play(second, rotated.key, errors);
  await administer(second, `keys/${made.id}`, undefined, 'DELETE');
  await send(second, errors, {
    headers: { authorization: `Bearer ${rotated.key}` },
    body: chat('lab/answers'),
  });
  const records = await until('the records', 30_000, async () => {
    const rows = await allRecords(second);
    // Where replicas share a database, that of the killed server is closed when its beat has expired.
    return rows.some(({ status, model }) => status === 'open' && model !== 'lab/lasts') ? undefined : rows;
  });
  await second.stop();
  logs += second.logs();

  const secrets = {
    ...planted,
    'a key': made.key,
    'a rotated key': rotated.key,
    'the API key': first.apiKey,
    'the admin key': first.adminKey,
    'a prompt': promptWord,
    'an answer': answerWord,
  };
  // The scenario has really happened.
  expect(records.length).toBeGreaterThan(3 * 12);
  const statuses = records.map(({ status }) => status);
  for (const status of ['completed', 'failed', 'cut'] as const) expect(statuses).toContain(status);
  expect(errors.length).toBeGreaterThan(60);
  for (const sent of [promptWord, planted.upstreamKey, planted.secondUpstreamKey, planted.upstreamHeader])
    expect([sent, upstream.received().includes(sent)]).toEqual([sent, true]);
  expect(logs.includes('"level":"debug"'), 'lines of the level debug').toBe(true);
  // What belongs into records is there: these places were really read.
  const database =
    stores.databaseUrl === undefined ? bytesBelow(scratch.path) : await dumpOf(stores.databaseUrl);
  const places: Readonly<Record<string, string>> = {
    'the log': logs,
    'an error': errors.join('\n'),
    'the database': database,
    'the data folder': `${spooled}\n${killed}\n${bytesBelow(scratch.path)}`,
    'a webhook': receiver.bodies.join('\n'),
    ...(stores.redisUrl === undefined ? {} : { Redis: await dumpOfRedis(stores.redisUrl) }),
  };
  for (const place of ['the database', 'a webhook'])
    expect([place, places[place]?.includes(user)]).toEqual([place, true]);
  expect(Object.entries(places).flatMap(([where, shown]) => found(where, shown, secrets))).toEqual([]);
  // The secrets that sign addresses are in the database, and nowhere else.
  const signingSecrets = Object.fromEntries(
    signing.flatMap((secret, index) => [
      [`signing secret ${index}`, secret],
      [`the bytes of signing secret ${index}`, Buffer.from(secret, 'hex').toString('base64')],
    ]),
  );
  const { 'the database': _, 'the data folder': __, ...outside } = places;
  expect(new Set(signing).size).toBe(2);
  expect(found('the database', database, signingSecrets)).not.toEqual([]);
  expect(Object.entries(outside).flatMap(([where, shown]) => found(where, shown, signingSecrets))).toEqual(
    [],
  );
}

/** Another process writes; the result ends that. */
function lockedSqlite(dataDir: string): () => void {
  const database = new DatabaseSync(`${dataDir}/tailrace.sqlite`, { timeout: 5_000 });
  database.exec('BEGIN IMMEDIATE');
  return () => {
    database.exec('ROLLBACK');
    database.close();
  };
}

test('on SQLite, no secret and no prompt comes out', async () => {
  await expectNothingComesOut({});
});

const why = withoutPostgres ?? withoutRedis;
const title = `on PostgreSQL and Redis, no secret and no prompt comes out${why === undefined ? '' : ` (skipped: ${why})`}`;
test.skipIf(why !== undefined)(title, async () => {
  const keep = (work: () => Promise<void>) => atEnd.push(work);
  await expectNothingComesOut({ databaseUrl: await postgresFor(keep), redisUrl: await redisFor(keep) });
});
