import type { KeyObject } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoredKeys } from '../access/stored-keys.ts';
import { createMemoryKeys } from '../access/testing/memory-keys.ts';
import { findAdministration } from '../service/find-administration.ts';
import { writeServerFile } from '../service/server-file.ts';
import { openStore } from '../storage/open-store.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../testing/start-app.ts';
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
  const [out, err]: [string[], string[]] = [[], []];
  // Read while it is written: a command waits until its output was taken.
  stdout.setEncoding('utf8').on('data', (piece: string) => out.push(piece));
  stderr.setEncoding('utf8').on('data', (piece: string) => err.push(piece));
  const io = { env: { TAILRACE_DATA_DIR: join(folder, 'data'), ...env }, cwd: folder, stdout, stderr };
  const code = await (command === 'keys' ? keysCommand : ownersCommand)(args, io);
  return { code, out: out.join(''), err: err.join('') };
}
const json = async (words: string, env?: Record<string, string>) => {
  const { code, out, err } = await run(`${words} --json`, env);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
};
/** The entries of a list, which has the form of the API's. */
const list = async (words: string, env?: Record<string, string>) => {
  const { data, ...others } = await json(words, env);
  expect(others).toEqual({ has_more: false });
  return data;
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
    const [key] = await list('keys list');
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
      /^ID {2,}KEY {2,}OWNER {2,}NAME .*\nkey_[0-9a-f]{16} {2}tr_.{4}… {2}acme {3}ci {4}active {2}acme\/\*, chat {2}500 tokens\/min {2}\$20\.50\/month {2}\d{4}-\d\d-\d\d {2}never\n$/,
    );
    const changed = await json(`keys update ${key.id} --budget none --expires none --max-streams 5`);
    expect(changed).toMatchObject({ budget: null, expires_at: null, max_streams: 5, tokens_per_minute: 500 });
    const rotated = await run(`keys rotate ${key.id} --overlap 1h`);
    expect(rotated.out).toMatch(/^tr_[0-9A-Za-z]{43}\n$/);
    expect(rotated.out).not.toBe(made.out);
    expect(rotated.err).toContain('the old secret works until');
    expect((await run(`keys revoke ${key.id}`)).out).toBe(`revoked ${key.id}\n`);
    expect(await list('keys list')).toEqual([]);
    expect(await list('keys list --all')).toMatchObject([{ id: key.id, revoked_at: expect.any(String) }]);
    expect((await run(`keys show ${key.id}`)).out).toMatch(/^id {2,}key_/);
    const again = await run(`keys rotate ${key.id}`);
    expect([again.code, again.err]).toEqual([
      1,
      'tailrace: this key is revoked and cannot be changed. Create a new one\n',
    ]);
    // The lock is released, and no server file is left.
    expect(await readdir(join(folder, 'data'))).not.toContain('server.json');
  });

  it('rotate-signing replaces the secret in the store, and shows neither of the two', async () => {
    const secretNow = async () => {
      const opened = await openStore({ dataDir: join(folder, 'data'), now: Date.now });
      if (!opened.ok) throw new Error(opened.message);
      const { signingSecret } = await opened.store.keysAfter(0);
      await opened.store.close();
      return signingSecret ?? 'none';
    };
    const without = await run('keys rotate-signing');
    expect([without.code, without.out]).toEqual([2, '']);
    await run('keys create');
    expect(await secretNow()).toBe('none');
    const first = await run('keys rotate-signing');
    expect(first).toEqual({
      code: 0,
      out: expect.stringMatching(/^replaced the signing secret in SQLite .*; addresses .* have ended\n$/),
      err: '',
    });
    const secret = await secretNow();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(await json('keys rotate-signing')).toEqual({ rotated: true });
    expect(await secretNow()).not.toBe(secret);
    expect(first.out).not.toContain(secret);
    expect((await run('keys rotate-signing now')).err).toContain('unexpected "now"');
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
      'tailrace: there is an owner "acme" already; change it with tailrace owners update\n',
    ]);
    expect((await json('owners update acme --budget none --name Acme')).name).toBe('Acme');
    expect((await run('owners list')).out).toMatch(/\nacme {5}Acme +0\n/);
    expect((await json('owners show acme')).budget).toBeNull();
    expect((await run('owners delete acme')).out).toBe('deleted acme\n');
    expect(await list('owners list')).toMatchObject([{ id: 'default' }]);
    expect((await run('owners show acme')).code).toBe(1);
  });

  it('owners revoke is owners delete, and rotate says what to rotate', async () => {
    await run('owners create acme');
    const [key] = [(await run('keys create --owner acme')).err.match(/key_\w+/)?.[0] ?? ''];
    const refused = await run('owners revoke acme');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('keys that are not revoked')]);
    await run(`keys revoke ${key}`);
    expect((await run('owners revoke acme')).out).toBe('deleted acme\n');
    const rotated = await run('owners rotate acme');
    expect([rotated.code, rotated.err]).toEqual([2, expect.stringContaining('tailrace keys rotate')]);
  });

  it('show and lists say what is set, in words', async () => {
    await run('owners create acme --budget 200usd/month --requests-per-minute 6000 --models chat');
    await run('keys create --owner acme --max-streams 1 --budget 500000tokens/day');
    await run('keys create --owner beta');
    expect((await run('owners list')).out).toBe(`\
ID       KEYS  MODELS  LIMITS              BUDGET
acme        1  chat    6,000 requests/min  $200.00/month
beta        1
default     0
`);
    const listed = (await run('keys list')).out;
    expect(listed).toMatch(/acme {3}active {2}1 stream {2}500,000 tokens\/day {2}never\n/);
    const [{ id }] = await list('keys list --owner acme');
    expect((await run(`keys show ${id}`)).out).toMatch(
      /\nstate {16}active\nmodels {15}all\nrequests per minute {2}as configured under limits\n[\s\S]*\nmax streams {10}1\nbudget {15}500,000 tokens\/day\n[\s\S]*\nexpires {14}never\ncreated {14}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\nlast used {12}never\n/,
    );
    const none = await run('keys list --owner nobody');
    expect([none.code, none.out, none.err]).toEqual([0, '', 'tailrace: no keys of owner nobody\n']);
  });

  it('a key or an owner that does not exist is named, with the command that lists them', async () => {
    await run('keys create');
    expect(await run('keys show nope')).toEqual({
      code: 1,
      out: '',
      err: 'tailrace: there is no key "nope"; tailrace keys list --all shows those there are\n',
    });
    expect((await run('owners update nope --name x')).err).toBe(
      'tailrace: there is no owner "nope"; tailrace owners list shows those there are\n',
    );
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
      expect(await list('keys list', { TAILRACE_ADMIN_KEY: testAdminKey })).toHaveLength(1_007);
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
    expect(await list('keys list --owner acme', env)).toHaveLength(1);
    expect((await run('keys list', env)).out).toContain('fixed, admin');
  });

  it('it rotates its signing secret: an address that was signed before ends', async () => {
    await name(process.pid);
    const keys = createStoredKeys({ ledger: app.ledger.ledger, now: () => 0 });
    await keys.follow(new AbortController().signal, () => {});
    const before = keys.signingSecret();
    const { code, out } = await run('keys rotate-signing', env);
    expect([code, out]).toEqual([0, expect.stringContaining(`on the server at ${app.url}`)]);
    expect(keys.signingSecret()?.equals(before as KeyObject)).toBe(false);
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
    expect(await list('keys list')).toHaveLength(1);
    // Its id belongs to another process now, and its port to none.
    await name(process.pid);
    await app.stop();
    expect(await list('keys list')).toHaveLength(1);
  });

  it('a wrong or missing admin key is said', async () => {
    await name(process.pid);
    const wrong = (from: string) =>
      `tailrace: the server at ${app.url} does not take the admin key of ${from}; set TAILRACE_ADMIN_KEY to an admin key of that server\n`;
    for (const [words, given] of [
      ['keys list', 'wrong'],
      // A key of a client: the server knows it, and answers 403.
      ['owners create acme', testKey],
    ] as const) {
      const refused = await run(words, { TAILRACE_ADMIN_KEY: given });
      expect([refused.code, refused.err]).toEqual([1, wrong('TAILRACE_ADMIN_KEY')]);
    }
    const missing = await run('keys list');
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('TAILRACE_ADMIN_KEY')]);
    const keyFile = join(folder, 'data', 'admin-key');
    await writeFile(keyFile, 'tr_of_another_server\n', { mode: 0o600 });
    expect((await run('keys list')).err).toBe(wrong(keyFile));
    const file = join(folder, 'tailrace.yaml');
    await writeFile(file, 'auth: {admin_keys: [tr_of_the_file]}');
    expect((await run('keys list')).err).toBe(wrong(`auth.admin_keys in ${file}`));
    await writeFile(file, 'auth: {required: false}');
    expect((await run('keys list')).err).toContain('this command has none (auth.required: false)');
  });

  it('one that is starting is waited for', async () => {
    const starting = () =>
      writeServerFile(join(folder, 'data'), { pid: process.pid, url: app.url, starting: true });
    const find = (answers: () => Promise<boolean>, startingMs: number) =>
      findAdministration({
        env: { ...env, TAILRACE_DATA_DIR: join(folder, 'data') },
        cwd: folder,
        creates: false,
        note: () => {},
        answers,
        startingMs,
      });
    await starting();
    // It serves from the moment on in which it is found to be starting.
    const served = await find(async () => {
      await name(process.pid);
      return true;
    }, 5_000);
    expect(served).toMatchObject({ ok: true, url: app.url });
    await starting();
    expect(await find(async () => true, 0)).toEqual({
      ok: false,
      exitCode: 1,
      message: `the server at ${app.url} (process ${process.pid}) is still starting: its model is not loaded yet; try again in a moment`,
    });
  });

  it('one that holds the store and cannot be asked is named', async () => {
    const opened = await openStore({
      dataDir: join(folder, 'data'),
      now: Date.now,
      holder: { pid: 4711, address: 'http://127.0.0.1:9' },
    });
    if (!opened.ok) throw new Error(opened.message);
    const { code, err } = await run('keys list', env);
    await opened.store.close();
    expect([code, err]).toEqual([
      1,
      `tailrace: ${join(folder, 'data')} is used by process 4711, which listens on http://127.0.0.1:9, and no server answers there yet; try again in a moment\n`,
    ]);
  });
});

it.each([
  ['keys', 'tailrace: keys needs a command: expected one of create, list'],
  ['keys creat', 'did you mean "create"?'],
  ['keys create name', 'unexpected "name"'],
  ['keys show', 'needs the id'],
  ['keys update key_1', 'needs a flag'],
  ['keys show key_1 --owner x', '--owner goes with keys create, list and update, not with keys show'],
  ['keys create --all', '--all goes with keys list, not with keys create'],
  ['keys create --overlap 1h', '--overlap goes with keys rotate, not with keys create'],
  ['keys create --budget 20', '--budget: expected an amount and a period'],
  ['keys create --max-streams 1.5', '--max-streams: expected a whole number'],
  ['keys create --metadata {', '--metadata: expected a JSON object'],
  ['keys create --owne x', 'did you mean "--owner"?'],
  ['keys create --owner', '--owner needs a value'],
  ['keys list --json=yes', '--json takes no value'],
  ['owners creat acme', 'did you mean "create"?'],
  ['owners create', 'needs the id of an owner'],
  ['owners delete acme --name x', '--name goes with owners create and update, not with owners delete'],
  ['owners create acme --expires 1d', 'there is no flag --expires'],
])('%s is wrong usage: %s', async (words, message) => {
  const { code, out, err } = await run(words);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(message);
  expect(await readdir(folder)).toEqual([]);
});

it('expires at the beginning of a date, as usage reads one', async () => {
  await run('keys create --expires 2099-01-01');
  expect(await json('keys list')).toMatchObject({ data: [{ expires_at: '2099-01-01T00:00:00.000Z' }] });
});

it.each([
  [
    'keys create --expires 1.5d',
    '--expires: expected a duration, a date or a time, such as 90d, 2027-01-01 or 2027-01-01T00:00:00Z, got "1.5d" (a whole number: 36h)',
  ],
  ['keys create --expires 2099-02-30', '--expires must be an RFC 3339 time'],
  [
    'keys rotate key_1 --overlap 100d',
    '--overlap must be a duration of at most 90d, such as "1h", got "100d"',
  ],
  ['keys rotate key_1 --overlap 1.5h', 'got "1.5h" (a whole number: 90m)'],
])('%s is refused before a store is touched: %s', async (words, message) => {
  const { code, err } = await run(words);
  expect([code, err]).toEqual([2, expect.stringContaining(`tailrace: `)]);
  expect(err).toContain(message);
  expect(await readdir(folder)).toEqual([]);
});

it('models that no model is called are a warning, with a server and without', async () => {
  await writeFile(
    join(folder, 'tailrace.yaml'),
    'engine: {enabled: false}\nupstreams: {s: {preset: vllm, base_url: "http://h"}}\nmodels: {acme/chat: {aliases: [chat], targets: [{upstream: s}]}}',
  );
  const made = await run('keys create --models acme/*,chat,default,chta,other/*');
  expect(made.code).toBe(0);
  expect(made.err.split('\n').filter((line) => line.includes('warning'))).toEqual([
    'tailrace: warning: no model is called "chta" now (did you mean "chat"?)',
    'tailrace: warning: no model is called "other/*" now',
  ]);
  await run('owners create acme');
  expect((await run('owners update acme --models chat')).err).toBe('');
  const app = await startTestApp({
    config:
      'upstreams: {s: {preset: vllm, base_url: "http://h"}}\nmodels: {other/m: {targets: [{upstream: s}]}}',
  });
  try {
    await writeServerFile(join(folder, 'data'), { pid: process.pid, url: app.url });
    const { err } = await run('keys create --models other/*,chta', { TAILRACE_ADMIN_KEY: testAdminKey });
    expect(err).toContain('warning: no model is called "chta" now\n');
    expect(err).not.toContain('other');
  } finally {
    await app.stop();
  }
});

it('the help of a command says what its flags mean there', async () => {
  expect((await run('keys list --help')).out).toMatch(/--owner ID +only the keys of this owner\n/);
  const help = (await run('keys update --help')).out + (await run('owners update --help')).out;
  expect(help).not.toMatch(/--(owner|models|expires) .*default:/);
  expect(help).toMatch(/--expires TIME +.*none: never\n/);
  expect((await run('keys create --help')).out).toMatch(/--owner ID +.*default: default/);
});

it('a value that the administration refuses is wrong usage too', async () => {
  const { code, err } = await run('keys create --expires 2020-01-01T00:00:00Z');
  expect([code, err]).toEqual([2, expect.stringContaining('--expires lies in the past')]);
  expect(err).toContain('got "2020-01-01T00:00:00Z"');
  // Not even a store is made.
  expect(await readdir(folder)).toEqual([]);
});

it.each([
  ['keys --help', 'keys COMMAND'],
  ['keys help', 'keys COMMAND'],
  ['owners -h', 'owners COMMAND'],
  ...['create', 'list', 'show', 'update', 'rotate', 'revoke'].map((name) => [
    `keys ${name} --help`,
    `keys ${name} `,
  ]),
  ...['create', 'list', 'show', 'update', 'rotate', 'revoke', 'delete'].map((name) => [
    `owners help ${name}`,
    `owners ${name} `,
  ]),
])('%s prints the usage of %s, with examples and every flag', async (words, usage) => {
  const { code, out, err } = await run(words);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain(`Usage: tailrace ${usage}`);
  expect(out.split('\n').every((line) => line.length <= 120)).toBe(true);
  if (usage.endsWith('COMMAND')) return;
  expect(out).toMatch(/Examples?:\n {2}tailrace /);
  for (const flag of ['--json', '--config', '--data-dir']) expect(out).toContain(`  ${flag} `);
});

it('the examples of the help are right', async () => {
  await run('owners create acme');
  const words = [
    'keys help create',
    'keys help list',
    'owners help list',
    'owners help update',
    'owners help show',
  ];
  for (const help of words) {
    const examples = (await run(help)).out.matchAll(/^ {2}tailrace (.*)$/gm);
    for (const [, example = ''] of examples) {
      const { code, err } = await run(example.replaceAll("'", ''));
      expect([example, code, err]).toEqual([example, 0, expect.anything()]);
    }
  }
});
