import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { keysForReload, keysForStart, type ServingKeys } from './serving-keys.ts';

let folder: string;
let dataDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-keys-'));
  dataDir = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function configOf(auth = '{}'): Promise<Config> {
  const files = memoryFiles(folder, { 'tailrace.yaml': `{engine: {enabled: false}, auth: ${auth}}` });
  const loaded = await loadConfig({ env: {}, cwd: folder, files });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

async function started(auth?: string): Promise<ServingKeys> {
  const found = await keysForStart(await configOf(auth));
  if (!found.ok) throw new Error(found.problems.join('\n'));
  return found.keys;
}

const apiFile = () => join(dataDir, 'api-key');
const makePipe = () => void execFileSync('mkfifo', [apiFile()]);

function replaced(make: () => void): void {
  rmSync(apiFile());
  make();
}

const keysOf = ({ apiKeys, adminKeys }: ServingKeys) => ({ apiKeys, adminKeys });

describe('a start', () => {
  it('makes missing keys, readable by the owner only, and finds them at the next start', async () => {
    const first = await started();
    expect(statSync(apiFile()).mode & 0o777).toBe(0o600);
    expect(first.apiKeys).toEqual([readFileSync(apiFile(), 'utf8').trim()]);
    expect(keysOf(await started())).toEqual(keysOf(first));
  });

  it('fills a file that an earlier start left empty', async () => {
    mkdirSync(dataDir);
    writeFileSync(apiFile(), '\n');
    expect((await started()).apiKeys).toEqual([readFileSync(apiFile(), 'utf8').trim()]);
  });

  it.each<[string, () => void, string]>([
    ['a folder', () => mkdirSync(apiFile()), 'it is a folder'],
    ['a pipe', makePipe, 'it is no regular file'],
    ['two lines', () => writeFileSync(apiFile(), 'tr_one\ntr_two\n'), 'one key on one line'],
    ['a long text', () => writeFileSync(apiFile(), 'x'.repeat(70_000)), '512 characters'],
    ['no text', () => writeFileSync(apiFile(), Buffer.from([0xff, 0])), 'not UTF-8'],
  ])('reports a key file that is %s, and leaves it as it is', async (_, make, message) => {
    mkdirSync(dataDir);
    make();
    const found = await keysForStart(await configOf());
    expect(found).toMatchObject({ ok: false, problems: [expect.stringContaining(message)] });
    expect(found).toMatchObject({ problems: [expect.stringContaining(apiFile())] });
  });
});

describe('a reload', () => {
  it('uses the key that the file has now', async () => {
    const before = await started();
    writeFileSync(apiFile(), 'tr_another\n');
    const found = await keysForReload(await configOf(), before);
    expect(found).toMatchObject({ ok: true, keys: { apiKeys: ['tr_another'] }, warnings: [] });
  });

  it.each<[string, () => void, string]>([
    ['is missing', () => rmSync(apiFile()), 'there is no such file'],
    ['is empty', () => writeFileSync(apiFile(), ''), 'it is empty'],
    [
      'is cut',
      () => writeFileSync(apiFile(), readFileSync(apiFile()).subarray(0, 9)),
      'the beginning of the key',
    ],
    ['is a folder', () => replaced(() => mkdirSync(apiFile())), 'it is a folder'],
    ['is a pipe', () => replaced(makePipe), 'it is no regular file'],
    ['is no text', () => writeFileSync(apiFile(), Buffer.from([0xff])), 'not UTF-8'],
    ['is a long text', () => writeFileSync(apiFile(), 'x '.repeat(10_000)), 'one key on one line'],
  ])('keeps a key whose file %s, with a warning, and makes no other', async (_, change, message) => {
    const before = await started();
    change();
    const lying = readdirSync(dataDir);
    const found = await keysForReload(await configOf(), before);
    if (!found.ok) throw new Error(found.problems.join('\n'));
    expect(keysOf(found.keys)).toEqual(keysOf(before));
    expect(found.warnings).toEqual([expect.stringContaining(message)]);
    expect(found.warnings[0]).toContain(apiFile());
    expect(readdirSync(dataDir)).toEqual(lying);
    // The next reload has the same result.
    expect(await keysForReload(await configOf(), found.keys)).toEqual(found);
  });

  it('keeps both keys when their folder is missing, and makes no folder', async () => {
    const before = await started();
    rmSync(dataDir, { recursive: true });
    const found = await keysForReload(await configOf(), before);
    if (!found.ok) throw new Error(found.problems.join('\n'));
    expect(keysOf(found.keys)).toEqual(keysOf(before));
    expect(found.warnings).toHaveLength(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not keep a key that the configuration has no longer: without a file that is a problem', async () => {
    const before = await started('{api_keys: [tr_dropped]}');
    const found = await keysForReload(await configOf(), before);
    expect(found).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('auth.api_keys gives none')],
    });
    writeFileSync(apiFile(), 'tr_kept\n');
    expect(await keysForReload(await configOf(), before)).toMatchObject({ keys: { apiKeys: ['tr_kept'] } });
  });

  it('uses configured keys without reading the folder', async () => {
    const before = await started();
    rmSync(dataDir, { recursive: true });
    const auth = '{api_keys: [tr_a], admin_keys: [tr_b]}';
    expect(await keysForReload(await configOf(auth), before)).toMatchObject({
      keys: { apiKeys: ['tr_a'], adminKeys: ['tr_b'] },
      warnings: [],
    });
  });
});
