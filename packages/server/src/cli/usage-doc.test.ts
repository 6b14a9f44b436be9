import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../storage/open-store.ts';
import { someRecord } from '../storage/testing/store-values.ts';
import { usageCommand } from './usage-command.ts';

const page = readFileSync(new URL('../../../../docs/usage.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'tailrace-usage-doc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keyId = 'key_5f2c8e1a90b4d376';
const createdAtMs = Date.now() - 1;

/** Twelve requests, whose sums are those of the page. */
beforeAll(async () => {
  const opened = await openStore({ dataDir: folder, now: Date.now });
  if (!opened.ok) throw new Error(opened.message);
  const key = { id: keyId, owner: 'acme', name: 'ci', prefix: 'tr_AbCd…', hashes: [], createdAtMs: 0 };
  await opened.store.change({ type: 'create-key', key, atMs: 0 });
  await opened.store.settle(
    Array.from({ length: 12 }, (_, index) =>
      someRecord(`r${index}`, {
        ...{ keyId, owner: 'acme', createdAtMs, cachedTokens: 0, reasoningTokens: 0 },
        promptTokens: index === 0 ? 349 : 341,
        completionTokens: index === 0 ? 168 : 162,
        costMicroUsd: index === 0 ? 157 : 148,
      }),
    ),
  );
  await opened.store.close();
});

async function run(words: string): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { env: { TAILRACE_DATA_DIR: folder }, cwd: folder, stdout, stderr };
  const code = await usageCommand(words.split(' '), io);
  expect([words, code]).toEqual([words, 0]);
  const text = (stdout.read() as Buffer | null)?.toString() ?? '';
  return text.replaceAll(new Date(createdAtMs).toISOString().slice(0, 10), '2026-11-28');
}

const commands = Array.from(page.matchAll(/^tailrace usage (.*)$/gm), ([, words = '']) =>
  words.replace(/ >.*/, ''),
);

it('the commands of the page run, and the first one prints the table that it shows', async () => {
  expect(commands.length).toBeGreaterThan(2);
  const first = await run(commands[0] ?? '');
  expect(page).toContain(`\n${first}\`\`\``);
  for (const words of commands.slice(1)) await run(words);
});

it('the sums of the page are those of its query', async () => {
  const shown = /```json\n(\{"data": \[\{"owner".*)\n```/.exec(page)?.[1] ?? '';
  expect(JSON.parse(await run('--group-by owner,day --since 7d --json'))).toEqual(JSON.parse(shown));
});
