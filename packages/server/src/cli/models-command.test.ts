import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defaultModel } from '../models/default-model.ts';
import { modelsCommand } from './models-command.ts';

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tailrace-models-'));
});
afterAll(() => rm(cache, { recursive: true }));

async function run(...words: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await modelsCommand(words, {
    env: { TAILRACE_CACHE_DIR: cache },
    cwd: cache,
    stdout,
    stderr,
  });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

it('a broken file is listed with its path once, and with what to do', async () => {
  await writeFile(join(cache, defaultModel.file), 'cut');
  await writeFile(join(cache, 'mine.gguf'), 'no model');
  const { code, out } = await run('list');
  expect(code).toBe(0);
  const [known = '', mine = ''] = out.split('\n');
  for (const line of [known, mine]) expect(line.split(cache)).toHaveLength(2);
  expect(known).toMatch(/ broken: .* has SHA-256 .*; tailrace models pull fetches it again$/);
  expect(mine).toMatch(/^mine .* broken: .* is no GGUF model.*; replace it or remove it$/);
});

it.each([
  [[], 'models needs a command: expected one of pull, list'],
  [['lst'], 'there is no command "models lst" (did you mean "list"?); expected one of pull, list'],
  [['list', 'x'], 'unexpected "x"; see tailrace models --help'],
  [['list', '--all'], 'there is no flag --all here'],
])('%j is wrong usage', async (words, message) => {
  const { code, out, err } = await run(...words);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^tailrace: .*\n$/);
  expect(err).toContain(message);
});
