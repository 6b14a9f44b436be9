import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, expect, it } from 'vitest';
import { createMemoryKeys } from '../access/testing/memory-keys.ts';
import { startTestApp, testAdminKey } from '../testing/start-app.ts';
import { keysCommand } from './keys-command.ts';
import { keyFlags } from './limit-flags.ts';
import { ownersCommand } from './owners-command.ts';

const page = readFileSync(new URL('../../../../docs/keys.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'tailrace-keys-doc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function block(language: string, number: number): string {
  const found = [...page.matchAll(new RegExp(`\`\`\`${language}\\b[^\n]*\n([^]*?)\`\`\``, 'g'))][number]?.[1];
  if (found === undefined) throw new Error(`the page has no block ${number} of ${language}`);
  return found;
}

/** What differs from run to run, as the page has it. */
function asOnThePage(text: string): string {
  return text
    .replaceAll(/key_[0-9a-f]{16}/g, 'key_5f2c8e1a90b4d376')
    .replaceAll(/tr_.{4}…/g, 'tr_AbCd…')
    .replaceAll(/\d{4}-\d\d-\d\d/g, '2027-02-26');
}

it('the commands of the page run, and print what it shows', async () => {
  let made = '';
  const lists: string[] = [];
  for (const line of block('sh', 0).trim().split('\n')) {
    const words = line.replace('key_5f2c8e1a90b4d376', made).replaceAll("'", '').split(' ');
    const [, command, ...args] = words;
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const io = { env: { TAILRACE_DATA_DIR: folder }, cwd: folder, stdout, stderr };
    const code = await (command === 'keys' ? keysCommand : ownersCommand)(args, io);
    const notes = (stderr.read() as Buffer | null)?.toString() ?? '';
    expect([line, code]).toEqual([line, 0]);
    made = /made (key_\w+)/.exec(notes)?.[1] ?? made;
    const printed = (stdout.read() as Buffer | null)?.toString() ?? '';
    if (args[0] === 'list') lists.push(asOnThePage(printed));
  }
  expect(lists).toEqual([block('text', 0), block('text', 1)]);
});

it('the request of the page is answered as the page shows it', async () => {
  const app = await startTestApp({ config: '', keyLedger: createMemoryKeys() });
  try {
    const body = /-d '(.*)'/.exec(block('sh', 1))?.[1] ?? '';
    const answer = await fetch(`${app.url}/admin/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json' },
      body,
    });
    const made = { id: '', key: '', prefix: '', created_at: '' };
    const shown = JSON.parse(block('json', 0)) as object;
    const got = (await answer.json()) as object;
    expect({ ...got, ...made }).toEqual({ ...shown, ...made });
    expect(Object.keys(got)).toEqual(Object.keys(shown));
  } finally {
    await app.stop();
  }
});

it('the table of fields has every flag', () => {
  const named = [...page.matchAll(/^\| `(\w+)` \| `(--[a-z-]+)/gm)].map(([, , flag]) => flag);
  expect(named.toSorted()).toEqual([...keyFlags].toSorted());
});
