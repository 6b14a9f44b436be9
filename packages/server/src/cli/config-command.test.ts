import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configCommand } from './config-command.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tailrace-config-'));
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function run(...args: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const status = await configCommand(args, { env: {}, cwd, stdout, stderr });
  return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('tailrace config check', () => {
  it('counts what a valid file names', async () => {
    await writeFile(join(cwd, 'answers.yaml'), 'answers: [{steps: [echo]}]');
    await writeFile(
      join(cwd, 'tailrace.yaml'),
      'upstreams: {s: {kind: scripted, script: answers.yaml}}\nmodels: {a: {targets: [{upstream: s}]}, b: {targets: [{upstream: s}]}}',
    );
    expect(await run('check')).toEqual({
      status: 0,
      out: 'tailrace.yaml: ok (2 models, 1 upstream)\n',
      err: '',
    });
  });

  it('checks the files of upstreams too, because their mistakes would end a start', async () => {
    await writeFile(join(cwd, 'answers.yaml'), 'evry: 20ms\nanswers: [{steps: [echo]}]\n');
    await writeFile(join(cwd, 'tailrace.yaml'), 'upstreams: {s: {kind: scripted, script: answers.yaml}}');
    const { status, out, err } = await run('check');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(`upstreams.s: ${join(cwd, 'answers.yaml')}:1: unknown key "evry"`);
  });

  it('warns of a takeover by prefix at an upstream that cannot continue an answer, as a start does', async () => {
    await writeFile(
      join(cwd, 'tailrace.yaml'),
      'upstreams: {stars: {kind: gemini, api_key: k}}\nmodels: {a: {targets: [{upstream: stars, model: gemini-2.5-flash, takeover: prefix}]}}',
    );
    const { status, err } = await run('check');
    expect(status).toBe(0);
    expect(err).toMatch(/^warning: models\.a: target stars\/gemini-2\.5-flash has takeover: prefix, but/);
  });

  it('accepts that there is no file', async () => {
    expect(await run('check')).toMatchObject({
      status: 0,
      out: 'no configuration file: ok (1 model, 0 upstreams)\n',
    });
  });

  it('warns of what an operator has hardly meant on standard error', async () => {
    await writeFile(join(cwd, 'other.yaml'), 'auth: {required: false}');
    expect(await run('check', '--config', 'other.yaml')).toEqual({
      status: 0,
      out: 'other.yaml: ok (1 model, 0 upstreams)\n',
      err: expect.stringMatching(/^warning: auth\.required is false[^\n]*\n$/),
    });
  });

  it('lists all problems on standard error', async () => {
    await writeFile(join(cwd, 'tailrace.yaml'), 'server: {wrokers: 2}\nlogging: {level: loud}\n');
    const { status, out, err } = await run('check');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err.split('\n')).toEqual([
      'tailrace.yaml:1: server.wrokers: unknown key "wrokers" (did you mean "workers"?)',
      'tailrace.yaml:2: logging.level: expected debug, info, warn or error, got "loud"',
      '',
    ]);
  });

  it.each([
    ['bytes.yaml', Buffer.from([0x61, 0x3a, 0xff, 0xfe]), 'not UTF-8 text'],
    ['large.yaml', Buffer.alloc(1024 ** 2 + 1, '#'), 'larger than 1MiB'],
  ])('does not read %s', async (name, bytes, reason) => {
    await writeFile(join(cwd, name), bytes);
    expect(await run('check', `--config=${name}`)).toMatchObject({
      status: 2,
      err: `--config: cannot read ${name}: ${reason}\n`,
    });
  });

  it('refuses a folder in the place of the file', async () => {
    expect(await run('check', '--config', cwd)).toMatchObject({
      status: 2,
      err: `--config: cannot read ${cwd}: it is a folder\n`,
    });
  });

  it.each([
    [[], 'tailrace: config needs a command: there is only check'],
    [['chek'], 'tailrace: there is no command "config chek" (did you mean "check"?); there is only check'],
    [['check', 'x'], 'tailrace: unexpected "x"; see tailrace config --help'],
    [['check', '--confg=x'], 'tailrace: there is no flag --confg here'],
    [['check', '--config'], 'tailrace: --config needs a value'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, out, err } = await run(...args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(message);
  });

  it('prints its usage', async () => {
    expect(await run('check', '--help')).toMatchObject({
      status: 0,
      out: expect.stringContaining('Usage: tailrace config check'),
    });
  });
});
