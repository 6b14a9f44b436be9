import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { writeServerFile } from '../service/server-file.ts';
import { startTestApp, testAdminKey } from '../testing/start-app.ts';
import { consoleCommand } from './console-command.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tailrace-console-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A server that runs, with its data folder. */
async function serverOf(config: string) {
  const app = await startTestApp({ config });
  onTestFinished(() => app.stop());
  const dataDir = folder();
  await writeServerFile(dataDir, { pid: process.pid, url: app.url });
  return { app, dataDir };
}

async function run(dataDir: string, args: string[], env: Record<string, string> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = {
    env: { TAILRACE_DATA_DIR: dataDir, TAILRACE_ADMIN_KEY: testAdminKey, ...env },
    cwd: dataDir,
    stdout,
    stderr,
  };
  const status = await consoleCommand(args, io);
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('prints an address whose code signs one browser in, once', async () => {
  const { app, dataDir } = await serverOf('');
  const { status, out, err } = await run(dataDir, ['--no-open']);
  expect([status, err]).toEqual([0, '']);
  const [, url, code] = /^(http:\S+)\/#sign-in=([\w-]{22})\n$/.exec(out) ?? [];
  expect(url).toBe(app.url);
  const signIn = () =>
    fetch(`${app.url}/admin/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: app.url },
      body: JSON.stringify({ code }),
    });
  expect((await signIn()).status).toBe(204);
  expect((await signIn()).status).toBe(401);
});

test.runIf(process.platform === 'linux')('opens the address in the browser of a desktop', async () => {
  const { dataDir } = await serverOf('');
  const bin = folder();
  const opened = join(bin, 'opened');
  writeFileSync(
    join(bin, 'xdg-open'),
    `#!/bin/sh\necho "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`,
  );
  chmodSync(join(bin, 'xdg-open'), 0o755);
  const desktop = { DISPLAY: ':0', PATH: `${bin}:${process.env['PATH']}` };
  const { out, err } = await run(dataDir, [], desktop);
  await expect.poll(() => existsSync(opened)).toBe(true);
  expect([readFileSync(opened, 'utf8'), err]).toEqual([out, '']);
  const quiet = await run(dataDir, ['--no-open'], { ...desktop, PATH: '' });
  expect([quiet.status, quiet.err]).toEqual([0, '']);
  for (const without of [{}, { DISPLAY: ':0', PATH: folder() }]) {
    const { status, err: said } = await run(dataDir, [], without);
    expect([status, said]).toEqual([
      0,
      'tailrace: no browser of this machine can be opened; open the address yourself\n',
    ]);
  }
});

test('where no key is asked for the address has no code', async () => {
  const { app, dataDir } = await serverOf('auth: {required: false}');
  const { out } = await run(dataDir, ['--no-open']);
  expect(out).toBe(`${app.url}/\n`);
});

test.each([
  ['no server runs', undefined, {}, 1, /no server runs on the data folder/],
  [
    'the console is switched off',
    'console: {enabled: false}',
    {},
    1,
    /has no console \(console.enabled: false\)/,
  ],
  ['the key is wrong', '', { TAILRACE_ADMIN_KEY: 'another' }, 1, /does not take the admin key/],
] as const)('says so where %s', async (_, config, env, code, message) => {
  const dataDir = config === undefined ? folder() : (await serverOf(config)).dataDir;
  const { status, out, err } = await run(dataDir, ['--no-open'], env);
  expect([status, out]).toEqual([code, '']);
  expect(err).toMatch(message);
});

test.each([[['now']], [['--open']]])('a word that it does not know is wrong usage: %j', async (args) => {
  expect(await run(folder(), args)).toMatchObject({ status: 2, out: '' });
});
