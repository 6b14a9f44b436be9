import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryKeys } from '../access/testing/memory-keys.ts';
import { writeServerFile } from '../service/server-file.ts';
import { startTestApp, type TestApp, testAdminKey } from '../testing/start-app.ts';
import { keysCommand } from './keys-command.ts';
import { ownersCommand } from './owners-command.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-keys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(words: string, env: Record<string, string> = {}): Promise<Ran> {
  const [command, ...args] = words.split(' ');
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { env: { TAILRACE_DATA_DIR: join(folder, 'data'), ...env }, cwd: folder, stdout, stderr };
  const code = await (command === 'keys' ? keysCommand : ownersCommand)(args, io);
  const text = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString() ?? '';
  return { code, out: text(stdout), err: text(stderr) };
}
const json = async (words: string, env?: Record<string, string>) => {
  const { code, out, err } = await run(`${words} --json`, env);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
};

describe('without a server', () => {
  it('keys are made, shown, changed, rotated and revoked in the store', async () => {
    const made = await run(
      'keys create --name ci --owner acme --models acme/*,chat --tokens-per-minute 500 --budget 20.5usd/month --expires 90d --usage-chunk separate --metadata {"team":"blue"}',
    );
    expect(made.code).toBe(0);
    // Only the key: a script takes it.
    expect(made.out).toMatch(/^tr_[0-9A-Za-z]{43}\n$/);
    expect(made.err).toMatch(/^tailrace: made key_[0-9a-f]{16} of owner acme in /m);
    const [key] = await json('keys list');
    expect(key).toMatchObject({
      name: 'ci',
      owner: 'acme',
      models: ['acme/*', 'chat'],
      tokens_per_minute: 500,
      budget: { usd: 20.5, period: 'month' },
      usage_chunk: 'separate',
      metadata: { team: 'blue' },
    });
    expect(Date.parse(key.expires_at) - Date.now()).toBeGreaterThan(89 * 86_400_000);
    expect((await run('keys list')).out).toMatch(
      /^ID {2,}KEY {2,}OWNER {2,}NAME .*\nkey_[0-9a-f]{16} {2}tr_.{4}… {2}acme {3}ci {4}until \d{4}-\d\d-\d\d {2}20\.5usd\/month\n$/,
    );
    const changed = await json(`keys update ${key.id} --budget none --expires none --max-streams 5`);
    expect(changed).toMatchObject({ budget: null, expires_at: null, max_streams: 5, tokens_per_minute: 500 });
    const rotated = await run(`keys rotate ${key.id} --overlap 1h`);
    expect(rotated.out).toMatch(/^tr_[0-9A-Za-z]{43}\n$/);
    expect(rotated.out).not.toBe(made.out);
    expect(rotated.err).toContain('the old secret works until');
    expect((await run(`keys revoke ${key.id}`)).out).toBe(`revoked ${key.id}\n`);
    expect(await json('keys list')).toEqual([]);
    expect(await json('keys list --all')).toMatchObject([{ id: key.id, revoked_at: expect.any(String) }]);
    expect((await run(`keys show ${key.id}`)).out).toMatch(/^id {2,}key_/);
    const again = await run(`keys rotate ${key.id}`);
    expect([again.code, again.err]).toEqual([
      1,
      'tailrace: This key is revoked and cannot be changed. Create a new one.\n',
    ]);
    // The lock is released, and no server file is left.
    expect(await readdir(join(folder, 'data'))).not.toContain('server.json');
  });

  it('owners are made once, changed and deleted', async () => {
    await run('keys create');
    expect((await json('owners create acme --budget 1000tokens/day')).budget).toEqual({
      tokens: 1_000,
      period: 'day',
    });
    const again = await run('owners create acme');
    expect([again.code, again.err]).toEqual([
      1,
      'tailrace: there is an owner acme already; change it with tailrace owners update\n',
    ]);
    expect((await json('owners update acme --budget none --name Acme')).name).toBe('Acme');
    expect((await run('owners list')).out).toMatch(/\nacme {4,}Acme/);
    expect((await json('owners show acme')).budget).toBeNull();
    expect((await run('owners delete acme')).out).toBe('deleted acme\n');
    expect(await json('owners list')).toMatchObject([{ id: 'default' }]);
    expect((await run('owners show acme')).code).toBe(1);
  });

  it('a list of more than one page is listed whole', async () => {
    await run('keys create');
    const ledger = createMemoryKeys();
    for (let index = 0; index < 1_005; index += 1) {
      const id = `key_${String(index).padStart(5, '0')}`;
      const key = { id, owner: 'default', prefix: 'tr_…', hashes: [], createdAtMs: 0 };
      await ledger.change({ type: 'create-key', key, atMs: 0 });
    }
    const app = await startTestApp({ config: '', keyLedger: ledger });
    try {
      await writeServerFile(join(folder, 'data'), { pid: process.pid, url: app.url });
      expect(await json('keys list', { TAILRACE_ADMIN_KEY: testAdminKey })).toHaveLength(1_007);
    } finally {
      await app.stop();
    }
  });
});

it.each([
  'keys list',
  'keys show key_1',
  'keys update key_1 --name x',
  'keys rotate key_1',
  'keys revoke key_1',
  'owners list',
  'owners show acme',
  'owners update acme --name x',
  'owners delete acme',
])('%s refuses a folder without a store, and makes none', async (words) => {
  const { code, out, err } = await run(words);
  expect([code, out]).toEqual([2, '']);
  expect(err).toBe(
    `tailrace: there is no store in ${join(folder, 'data')}: no server has used this data folder yet\n`,
  );
  expect(await readdir(folder)).toEqual([]);
});

it.each(['keys create', 'owners create acme'])('%s makes a store, and says which', async (words) => {
  const { code, err } = await run(words);
  expect(code).toBe(0);
  expect(err).toContain(`tailrace: made a new store: SQLite ${join(folder, 'data', 'tailrace.sqlite')}\n`);
});

describe('with a server', () => {
  const env = { TAILRACE_ADMIN_KEY: testAdminKey };
  let app: TestApp;
  beforeEach(async () => {
    await run('keys create');
    app = await startTestApp({ config: '' });
  });
  afterEach(() => app.stop());
  const name = (pid: number) => writeServerFile(join(folder, 'data'), { pid, url: app.url });

  it('it is asked: a key that the command makes works at once', async () => {
    await name(process.pid);
    const { out } = await run('keys create --owner acme', env);
    const use = await fetch(`${app.url}/v1/models`, { headers: { authorization: `Bearer ${out.trim()}` } });
    expect(use.status).toBe(200);
    expect(await json('keys list --owner acme', env)).toHaveLength(1);
    expect((await run('keys list', env)).out).toContain('fixed, admin');
  });

  it('it is found also where the configuration cannot be read in this shell', async () => {
    await name(process.pid);
    await writeFile(join(folder, 'tailrace.yaml'), `upstreams: {a: {preset: groq, api_key: "\${NOT_SET}"}}`);
    expect((await run('keys list', env)).code).toBe(0);
    await rm(join(folder, 'data', 'server.json'));
    const without = await run('keys list', env);
    expect([without.code, without.err]).toEqual([2, expect.stringContaining('NOT_SET')]);
  });

  it('one that was killed is none: the store is opened', async () => {
    await name(2 ** 30);
    expect(await json('keys list')).toHaveLength(1);
    // Its id belongs to another process now, and its port to none.
    await name(process.pid);
    await app.stop();
    expect(await json('keys list')).toHaveLength(1);
  });

  it('a wrong or missing admin key is said', async () => {
    await name(process.pid);
    expect((await run('keys list', { TAILRACE_ADMIN_KEY: 'wrong' })).err).toContain('not known here');
    const missing = await run('keys list');
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('TAILRACE_ADMIN_KEY')]);
  });
});

it.each([
  ['keys', 'needs a command'],
  ['keys creat', 'did you mean "create"?'],
  ['keys create name', 'unexpected "name"'],
  ['keys show', 'needs the id'],
  ['keys update key_1', 'needs a flag'],
  ['keys show key_1 --owner x', '--owner does not go with keys show'],
  ['keys create --all', '--all does not go with keys create'],
  ['keys create --overlap 1h', '--overlap does not go with keys create'],
  ['keys create --budget 20', '--budget: expected an amount and a period'],
  ['keys create --max-streams 1.5', '--max-streams: expected a whole number'],
  ['keys create --metadata {', '--metadata: expected a JSON object'],
  ['keys create --owne x', 'did you mean "--owner"?'],
  ['keys create --owner', '--owner needs a value'],
  ['keys list --json=yes', '--json takes no value'],
  ['owners creat acme', 'did you mean "create"?'],
  ['owners create', 'needs the id of an owner'],
  ['owners delete acme --name x', 'takes no limits'],
  ['owners create acme --expires 1d', 'there is no flag "--expires"'],
])('%s is wrong usage: %s', async (words, message) => {
  const { code, out, err } = await run(words);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(message);
  expect(await readdir(folder)).toEqual([]);
});

it('a value that the administration refuses is wrong usage too', async () => {
  const { code, err } = await run('keys create --expires 2020-01-01T00:00:00Z');
  expect([code, err]).toEqual([2, expect.stringContaining("'expires_at' lies in the past")]);
});

it.each(['keys --help', 'keys help', 'owners create -h'])('%s prints the usage', async (words) => {
  expect(await run(words)).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining('Usage: tailrace'),
  });
});
