import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough, Readable } from 'node:stream';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { somethingWaits, spoolFolder } from '../ledger/recover-records.ts';
import { openSpool } from '../ledger/spool/spool.ts';
import { removeServerFile, writeServerFile } from '../service/server-file.ts';
import { openStore } from '../storage/open-store.ts';
import type { OpenedStore } from '../storage/opening.ts';
import type { Settled } from '../storage/records.ts';
import { sqliteFile } from '../storage/store-name.ts';
import { postgresFor, withoutPostgres } from '../testing/services.ts';
import { dbCommand } from './db-command.ts';
import { keysCommand } from './keys-command.ts';
import { usageCommand } from './usage-command.ts';

const nowMs = Date.parse('2026-11-28T12:00:00Z');
let folder: string;
const at = (name: string) => join(folder, name);

async function open(name: string): Promise<OpenedStore> {
  const opened = await openStore({ dataDir: at(name), now: Date.now, outbox: true });
  if (!opened.ok) throw new Error(opened.message);
  return opened.store;
}

function settled(index: number, fields: Partial<Settled> = {}): Settled {
  return {
    id: `chatcmpl-${index}`,
    requestId: `req_${index}`,
    keyId: 'key_a',
    owner: 'acme',
    tags: { team: 'blue' },
    model: 'chat',
    createdAtMs: nowMs + index,
    budgets: [],
    servedModel: 'chat',
    target: 'lab/llama',
    status: 'completed',
    promptTokens: 1_000,
    completionTokens: 200,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    estimated: false,
    costMicroUsd: 1_500_001,
    attempts: 1,
    attemptLog: [
      {
        target: 'lab/llama',
        outcome: 'completed',
        prompt_tokens: 1_000,
        completion_tokens: 200,
        estimated: false,
      },
    ],
    takeovers: 0,
    durationMs: 10,
    settledAtMs: nowMs + index + 10,
    ...fields,
  };
}

/** Runs a command in the folder of the test. */
async function run(
  command: typeof usageCommand | typeof dbCommand | typeof keysCommand,
  args: readonly string[],
  { input = '', config = '' }: { readonly input?: string; readonly config?: string } = {},
) {
  writeFileSync(at('tailrace.yaml'), `engine: {enabled: false}\n${config}`);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const written = { stdout: '', stderr: '' };
  stdout.on('data', (piece: Buffer) => {
    written.stdout += piece.toString();
  });
  stderr.on('data', (piece: Buffer) => {
    written.stderr += piece.toString();
  });
  const status = await command(args, {
    env: {},
    cwd: folder,
    stdout,
    stderr,
    stdin: Readable.from([input]),
    storingMs: 0,
  });
  return { status, ...written };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-commands-'));
  const store = await open('full');
  await store.change({
    type: 'put-owner',
    owner: { id: 'acme', createdAtMs: nowMs, budget: { unit: 'usd', limit: 5_000_000, period: 'total' } },
    atMs: nowMs,
  });
  await store.change({
    type: 'create-key',
    key: {
      id: 'key_a',
      owner: 'acme',
      name: 'ci',
      prefix: 'tr_abc',
      hashes: [{ hash: 'a'.repeat(64) }],
      createdAtMs: nowMs,
      budget: { unit: 'tokens', limit: 10_000, period: 'total' },
    },
    atMs: nowMs,
  });
  await store.settle([
    settled(1),
    settled(2),
    settled(3, { owner: 'default', keyId: 'key_b', user: '=cmd()' }),
  ]);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a server that was killed leaves: a record in its spool, and an open request in its store. */
async function killedServer(name: string): Promise<void> {
  const store = await open(name);
  const { id, requestId, keyId, owner, model, createdAtMs } = settled(8);
  const reserved = { promptTokens: 5, completionTokens: 5, promptMicroUsd: 0, completionMicroUsd: 0 };
  await store.admit([
    { id, requestId, keyId, owner, model, createdAtMs, processId: 'dead', tags: {}, reserved, budgets: [] },
  ]);
  await store.close();
  const opened = openSpool({ folder: spoolFolder(at(name)), name: 'dead', maxBytes: 1024 ** 2 });
  if (!opened.ok) throw new Error(opened.message);
  opened.spool.append([{ type: 'settled', record: settled(9) }], 'endings');
  opened.spool.close();
}

describe('tailrace usage', () => {
  it('of a server that was killed counts what waited in its spool', async () => {
    await killedServer('killed');
    const { status, stdout, stderr } = await run(usageCommand, ['--json', '--data-dir=killed']);
    expect([status, stderr]).toEqual([
      0,
      'tailrace: stored what a killed server had left in the spool\n' +
        'tailrace: closed the records of requests whose process was killed (records: 1)\n',
    ]);
    expect(JSON.parse(stdout).data).toMatchObject([{ requests: 2, prompt_tokens: 1_000 }]);
    expect(somethingWaits(at('killed'))).toBe(false);
  });

  it('refuses a folder without a store, and makes none', async () => {
    const { status, stdout, stderr } = await run(usageCommand, ['--data-dir=dta']);
    expect([status, stdout, stderr]).toEqual([
      2,
      '',
      `tailrace: there is no store in ${at('dta')}: no server has used this data folder yet\n`,
    ]);
    expect(readdirSync(folder)).not.toContain('dta');
  });

  it('without a server opens the store, and prints a table with a sum', async () => {
    const { status, stdout, stderr } = await run(usageCommand, ['--group-by=owner,day', '--data-dir=full']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`\
OWNER    DAY (UTC)   REQUESTS  PROMPT  COMPLETION  CACHED  REASONING       COST
acme     2026-11-28         2   2,000         400       0          0  $3.000002
default  2026-11-28         1   1,000         200       0          0  $1.500001
───────  ──────────  ────────  ──────  ──────────  ──────  ─────────  ─────────
total                       3   3,000         600       0          0  $4.500003
`);
  });

  it('prints JSON and CSV where it is asked to', async () => {
    const json = await run(usageCommand, ['--owner', 'acme', '--json', '--data-dir', 'full']);
    expect(JSON.parse(json.stdout)).toEqual({
      data: [
        {
          requests: 2,
          prompt_tokens: 2_000,
          completion_tokens: 400,
          cached_tokens: 0,
          reasoning_tokens: 0,
          cost_micro_usd: 3_000_002,
        },
      ],
      has_more: false,
    });
    const text = await run(usageCommand, ['--group-by=user', '--csv', '--data-dir=full']);
    expect(text.stdout.split('\r\n')).toEqual([
      'user,requests,prompt_tokens,completion_tokens,cached_tokens,reasoning_tokens,cost_micro_usd',
      "'=cmd(),1,1000,200,0,0,1500001",
      ',2,2000,400,0,0,3000002',
      '',
    ]);
  });

  it('shows what is spent and left of each budget', async () => {
    const { stdout } = await run(usageCommand, ['--budgets', '--data-dir=full']);
    expect(stdout).toBe(`\
BUDGET OF   NAME      LIMIT      SPENT   RESERVED       LEFT  UNIT     PERIOD  RESETS
owner:acme        $5.000000  $3.000002  $0.000000  $1.999998  dollars  total   never
key:key_a   ci       10,000      2,400          0      7,600  tokens   total   never
`);
    const text = await run(usageCommand, ['--budgets', '--csv', '--data-dir=full']);
    expect(text.stdout.split('\r\n')[2]).toBe('key:key_a,acme,key_a,ci,tokens,10000,2400,0,7600,total,');
  });

  it('where no record matches prints no table, and says so', async () => {
    for (const groups of [[], ['--group-by=user']]) {
      const none = [...groups, '--owner=nobody', '--data-dir=full'];
      expect(await run(usageCommand, none)).toEqual({
        status: 0,
        stdout: '',
        stderr: 'tailrace: no records match\n',
      });
      const { stdout } = await run(usageCommand, [...none, '--json']);
      expect(JSON.parse(stdout)).toEqual({ data: [], has_more: false });
    }
  });

  it('a wrong flag ends with status 2', async () => {
    const { status, stderr } = await run(usageCommand, ['--since=yesterday']);
    expect(status).toBe(2);
    expect(stderr).toContain('tailrace: --since is "yesterday"');
  });
});

describe('tailrace db', () => {
  it('exports while the store is in use, and an import makes a store with the same content', async () => {
    const inUse = await open('full');
    const exported = await run(dbCommand, ['export', 'all.jsonl', '--data-dir', 'full']);
    await inUse.close();
    expect([exported.status, exported.stdout]).toEqual([0, '']);
    expect(exported.stderr).toContain(
      'exported 2 owners, 1 key, 3 records, 0 open requests, 3 waiting events from',
    );
    expect(statSync(at('all.jsonl')).mode & 0o777).toBe(0o600);
    const text = readFileSync(at('all.jsonl'), 'utf8');

    const imported = await run(dbCommand, ['import', '-', '--data-dir=copy'], { input: text });
    expect([imported.status, imported.stderr]).toEqual([
      0,
      expect.stringContaining('imported 2 owners, 1 key, 3 records, 0 open requests, 3 waiting events into'),
    ]);
    const again = await run(dbCommand, ['export', '-', '--data-dir=copy']);
    expect(again.stdout).toBe(text);
  });

  it('exports what a killed server has left in its spool', async () => {
    await killedServer('crashed');
    const { status, stderr } = await run(dbCommand, ['export', 'crashed.jsonl', '--data-dir=crashed']);
    expect(status).toBe(0);
    expect(stderr).toContain('exported 1 owner, 0 keys, 2 records, 0 open requests');
    expect(stderr).not.toContain('has not stored');
  });

  it('an export beside a server says what that has not stored, and only that', async () => {
    const inUse = await open('beside');
    const opened = openSpool({ folder: spoolFolder(at('beside')), name: 'living', maxBytes: 1024 ** 2 });
    if (!opened.ok) throw new Error(opened.message);
    opened.spool.append([{ type: 'settled', record: settled(9) }], 'endings');
    const exportIt = () => run(dbCommand, ['export', '-', '--data-dir=beside']);
    const before = await exportIt();
    opened.spool.acknowledge(opened.spool.read().position);
    const after = await exportIt();
    opened.spool.close();
    await inUse.close();
    expect([before.status, after.status]).toEqual([0, 0]);
    expect(before.stderr).toContain(
      `the server that uses ${at('beside')} has not stored what waits in its spool, which is not in this export (entries: 1)`,
    );
    expect(after.stderr).not.toContain('spool');
  });

  it('refuses to import into a store that is not empty', async () => {
    const { status, stderr } = await run(dbCommand, ['import', 'all.jsonl', '--data-dir=full']);
    expect(status).toBe(1);
    expect(stderr).toContain('has keys, owners or records already');
  });

  it('refuses to import into a store that another service has open', async () => {
    const inUse = await open('busy');
    const { status, stderr } = await run(dbCommand, ['import', 'all.jsonl', '--data-dir=busy']);
    await inUse.close();
    expect([status, stderr]).toEqual([
      1,
      `tailrace: ${at('busy')} is used by process ${process.pid}: a server keeps its store to itself; stop it first\n`,
    ]);
    const held = await open('busy');
    const migrated = await run(dbCommand, ['migrate', '--data-dir=busy']);
    await held.close();
    expect([migrated.status, migrated.stderr]).toEqual([
      1,
      expect.stringContaining('a server migrates its store when it starts; stop it first'),
    ]);
  });

  it('refuses to export another store than that of the running server, and names both', async () => {
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const named = (store: string) => writeServerFile(at('full'), { pid: process.pid, url, store });
    try {
      await named('PostgreSQL db.example:5432/tailrace');
      const refused = await run(dbCommand, ['export', '-', '--data-dir=full']);
      expect([refused.status, refused.stdout, refused.stderr]).toEqual([
        2,
        '',
        `tailrace: the server at ${url}, which uses ${at('full')}, keeps its records in PostgreSQL db.example:5432/tailrace, and this command would export SQLite ${at('full/tailrace.sqlite')}; set TAILRACE_DATABASE_URL or --config as for the server (or stop it first, to export the other store)\n`,
      ]);
      await named(`SQLite ${at('full/tailrace.sqlite')}`);
      expect((await run(dbCommand, ['export', '-', '--data-dir=full'])).status).toBe(0);
    } finally {
      await removeServerFile(at('full'), process.pid);
      server.close();
    }
  });

  it('an export replaces an older export, says so, and replaces nothing else', async () => {
    const again = await run(dbCommand, ['export', 'all.jsonl', '--data-dir=full']);
    expect([again.status, again.stderr]).toEqual([
      0,
      expect.stringMatching(/; all\.jsonl was an older export, which it replaces\n$/),
    ]);
    writeFileSync(at('notes.txt'), 'mine');
    for (const [file, words] of [
      ['notes.txt', 'notes.txt exists and is no export: name another file'],
      ['full/tailrace.sqlite', 'full/tailrace.sqlite exists and is no export: name another file'],
      ['/dev/null', '/dev/null is no regular file; - is standard output'],
    ] as const) {
      const { status, stderr } = await run(dbCommand, ['export', file, '--data-dir=full']);
      expect([status, stderr]).toEqual([1, `tailrace: ${words}\n`]);
    }
    expect(readFileSync(at('notes.txt'), 'utf8')).toBe('mine');
  });

  it('an export that is cut imports nothing', async () => {
    const text = readFileSync(at('all.jsonl'), 'utf8');
    for (const input of [text.slice(0, -60), text.slice(0, text.lastIndexOf('{"table":"end"')), 'no\n', '']) {
      const { status, stderr } = await run(dbCommand, ['import', '-', '--data-dir=cut'], { input });
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^tailrace: /)]);
    }
    const whole = await run(dbCommand, ['import', '-', '--data-dir=cut'], { input: text });
    expect(whole.status).toBe(0);
  });

  it('an export that cannot be written leaves no file behind', async () => {
    const { status, stderr } = await run(dbCommand, ['export', 'no-folder/all.jsonl', '--data-dir=full']);
    expect([status, stderr]).toEqual([1, 'tailrace: no-folder/all.jsonl: there is no such file or folder\n']);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it.each(['SQLite', 'PostgreSQL'])(
    'only migrate changes the tables of an older version, in %s',
    async (kind) => {
      if (kind === 'PostgreSQL' && withoutPostgres !== undefined) return;
      const config =
        kind === 'SQLite' ? '' : `storage: {database_url: "${await postgresFor(onTestFinished)}"}\n`;
      await killedServer(`older-${kind}`);
      const inFolder = `--data-dir=older-${kind}`;
      expect((await run(dbCommand, ['migrate', inFolder], { config })).status).toBe(0);
      const statement = 'DELETE FROM tailrace_versions WHERE version > 1';
      const url = /"(postgres.*)"/.exec(config)?.[1];
      if (url === undefined) {
        const database = new DatabaseSync(sqliteFile(at(`older-${kind}`)));
        database.exec(statement);
        database.close();
      } else {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.query(statement);
        await client.end();
      }
      for (let again = 0; again < 2; again += 1) {
        for (const [command, args] of [
          [usageCommand, []],
          [keysCommand, ['list']],
          [keysCommand, ['create', '--name=x']],
          [dbCommand, ['export', '-']],
        ] as const) {
          const { status, stdout, stderr } = await run(command, [...args, inFolder], { config });
          expect([status, stdout, stderr]).toEqual([
            1,
            '',
            expect.stringContaining('run "tailrace db migrate"'),
          ]);
        }
      }
      expect(somethingWaits(at(`older-${kind}`))).toBe(true);
    },
  );

  it('each command has a help of its own', async () => {
    const all = await run(dbCommand, ['--help']);
    expect(all.stdout).toMatch(/ {2}export FILE {2}.* {2}import FILE {2}.* {2}migrate {6}/s);
    for (const name of ['export', 'import', 'migrate']) {
      const { status, stdout, stderr } = await run(dbCommand, [name, '--help']);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: tailrace db ${name}( FILE)? \\[FLAGS\\]`));
      expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}tailrace db ${name}`));
      expect((await run(dbCommand, ['help', name])).stdout).toBe(stdout);
    }
  });

  it.each([
    [['export', '-', '--data-dir=nothing'], 2, 'no server has used this data folder yet'],
    [['import', 'nothing.jsonl', '--data-dir=new'], 1, 'nothing.jsonl'],
    [['migrate', '--data-dir=migrated'], 0, 'made the tables of Tailrace (schema '],
    [['migrate', '--data-dir=migrated'], 0, 'nothing to do (schema '],
    [['export'], 2, 'db export needs a file, or - for standard output'],
    [['import', 'a', 'b'], 2, 'unexpected "b"'],
    [['migrate', 'a'], 2, 'unexpected "a"'],
    [
      ['exprot', 'a'],
      2,
      'there is no command "db exprot" (did you mean "export"?); expected one of export, import, migrate',
    ],
    [['export', '-', '--dir=a'], 2, 'there is no flag --dir here'],
  ])('%j ends with %i', async (args, expected, words) => {
    const { status, stderr } = await run(dbCommand, args);
    expect([status, stderr]).toEqual([expected, expect.stringContaining(words)]);
  });
});
