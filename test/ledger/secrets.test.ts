// Nothing that was planted, neither a secret nor a prompt, is in the log at debug level, in errors, in the files of the data folder
// or at the webhook; of issued keys only hashes are stored.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { postgresFor, withoutPostgres } from '../../packages/server/src/testing/services.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { administer, allRecords, makeKey } from './administrator.ts';
import { storesServer } from './stores-server.ts';

const planted = {
  prompt: 'MARKER-prompt-4417',
  argument: 'MARKER-argument-9035',
  upstreamKey: 'sk-MARKER-upstream-2290',
  webhookSecret: 'MARKER-webhook-secret-71',
  wrongKey: 'tr_MARKERwrongkey0815',
} as const;
/** What the scripted upstream answers. */
const answer = 'drop drop.';

let scratch: Scratch;
let server: TestServer | undefined;
let webhook: Server | undefined;
const atEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  await server?.stop();
  webhook?.close();
  webhook?.closeAllConnections();
  scratch.remove();
  for (const work of atEnd.splice(0)) await work();
});

interface Hook {
  readonly url: string;
  readonly received: string[];
}

async function startWebhook(): Promise<Hook> {
  const received: string[] = [];
  const listening = createServer(async (request, response) => {
    received.push(`${JSON.stringify(request.headers)}\n${await text(request)}`);
    response.writeHead(204).end();
  });
  webhook = listening;
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve);
  });
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('a webhook without a port');
  return { url: `http://127.0.0.1:${address.port}/hook`, received };
}

async function start(url: string, databaseUrl?: string): Promise<TestServer> {
  scratch = createScratch('secrets');
  const given = storesServer(
    { databaseUrl },
    {
      logging: { level: 'debug' },
      usage: { webhook: { url, secret: planted.webhookSecret } },
      upstreams: {
        lab: { kind: 'scripted', script: './answers.yaml' },
        dead: { kind: 'openai', base_url: 'http://127.0.0.1:9', api_key: planted.upstreamKey },
      },
      models: {
        'lab/short': { targets: [{ upstream: 'lab', model: 'short' }] },
        'lab/slow': { targets: [{ upstream: 'lab', model: 'slow' }] },
        dead: { targets: [{ upstream: 'dead', model: 'gone' }] },
      },
    },
  );
  server = await startServer({ ...given, dataDir: scratch.path });
  return server;
}

/** Every way of a request; the result is what clients got. */
async function ask(running: TestServer, key: string): Promise<string> {
  const post = async (fields: Readonly<Record<string, unknown>>, bearer = key): Promise<string> => {
    const response = await fetch(`${running.baseUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        messages: [
          { role: 'user', content: planted.prompt },
          {
            role: 'assistant',
            tool_calls: [
              {
                id: 'a',
                type: 'function',
                function: { name: 'f', arguments: `{"x":"${planted.argument}"}` },
              },
            ],
          },
          { role: 'tool', tool_call_id: 'a', content: planted.prompt },
        ],
        ...fields,
      }),
    });
    return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
  };
  const answers = [
    await post({ model: 'lab/short' }),
    await post({ model: 'lab/short', stream: true }),
    await post({ model: 'dead' }),
    await post({ model: 'dead', stream: true }),
    await post({ model: 'unknown' }),
    await post({ model: 'lab/short' }, planted.wrongKey),
    await post({ model: 'lab/short', temperature: planted.prompt }),
    await post({ model: 'lab/short', messages: [{ role: planted.prompt, content: 1 }] }),
  ];
  return answers.join('\n');
}

function filesOf(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (statSync(path).isFile()) files.set(name, readFileSync(path, 'latin1'));
  }
  return files;
}

/** The places where one of the words is. */
function placesOf(words: readonly string[], texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([place, content]) =>
    words.filter((word) => content.includes(word)).map((word) => `${word} in ${place}`),
  );
}

async function untilRecorded(running: TestServer, count: number): Promise<void> {
  await until(`${count} records`, 15_000, async () => {
    const rows = await allRecords(running);
    return rows.length === count && rows.every(({ status }) => status !== 'open') ? true : undefined;
  });
}

test('with SQLite, the spool and the webhook', async () => {
  const hook = await startWebhook();
  const running = await start(hook.url);
  const made = await makeKey(running, { name: 'issued' });
  const budgeted = await makeKey(running, { budget: { tokens: 1_000_000, period: 'day' } });
  const rotated = (await administer(running, `keys/${budgeted.id}/rotate`, { overlap: '1h' })) as {
    readonly key: string;
  };
  const words = [
    ...Object.values(planted),
    made.key,
    budgeted.key,
    rotated.key,
    running.adminKey,
    running.apiKey,
  ];
  const seen = [await ask(running, made.key), await ask(running, rotated.key)];

  // Records that wait in the spool.
  const database = new DatabaseSync(`${scratch.path}/tailrace.sqlite`, { timeout: 5_000 });
  database.exec('BEGIN IMMEDIATE');
  try {
    seen.push(await ask(running, made.key), await ask(running, budgeted.key));
    await delay(300);
    const spool = new Map([...filesOf(scratch.path)].filter(([name]) => name.endsWith('.log')));
    expect([...spool.values()].join('')).toContain('lab/short');
    expect(placesOf([...words, answer], spool)).toEqual([]);
  } finally {
    database.exec('ROLLBACK');
    database.close();
  }
  // Four of each round reach a target; the one with a budget is refused while the store is away.
  await untilRecorded(running, 12);
  await until('twelve events at the webhook', 15_000, () => (hook.received.length >= 12 ? true : undefined));

  const files = filesOf(scratch.path);
  expect([...files.keys()]).toContain('tailrace.sqlite');
  const texts = new Map([...files, ['the log', running.logs()], ['the webhook', hook.received.join('\n')]]);
  expect(running.logs()).toContain('debug');
  expect(placesOf([...words, answer], texts)).toEqual([]);
  expect(placesOf(words, new Map([['an answer', seen.join('\n')]]))).toEqual([]);
});

const title = `with PostgreSQL${withoutPostgres === undefined ? '' : ` (skipped: ${withoutPostgres})`}`;
test.skipIf(withoutPostgres !== undefined)(title, async () => {
  const databaseUrl = await postgresFor((work) => atEnd.push(work));
  const hook = await startWebhook();
  const running = await start(hook.url, databaseUrl);
  const made = await makeKey(running, { name: 'issued' });
  const words = [...Object.values(planted), made.key, running.adminKey, running.apiKey];
  const seen = await ask(running, made.key);
  await untilRecorded(running, 4);
  const tables = await tablesOf(databaseUrl);
  expect(tables.size).toBeGreaterThan(5);
  const texts = new Map([...tables, ...filesOf(scratch.path), ['the log', running.logs()]]);
  expect(placesOf([...words, answer], texts)).toEqual([]);
  expect(placesOf(words, new Map([['an answer', seen]]))).toEqual([]);
});

async function tablesOf(databaseUrl: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const names = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const tables = new Map<string, string>();
    for (const { name } of names.rows) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      tables.set(name, rows.map(({ row }) => row).join('\n'));
    }
    return tables;
  } finally {
    await client.end();
  }
}
