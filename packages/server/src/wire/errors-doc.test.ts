import { globSync, readFileSync } from 'node:fs';
import { errorCodes, errorKind } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| \[`(\w+)`\]\(errors\/\1\.md\) \| (\d+) \| `(\w+)` \|/gm)];

/** The server's code, without its tests and without the wall, which only plays an upstream. */
const sources = globSync('**/*.ts', {
  cwd: new URL('..', import.meta.url),
  exclude: ['wall/**', '**/testing/**', '**/*.{test,suite}.ts', '**/fake-*.ts'],
}).map((file) => ({ file, text: readFileSync(new URL(`../${file}`, import.meta.url), 'utf8') }));

describe('docs/errors.md', () => {
  it('has a row for every code of the table, with its status and type, and no other', () => {
    const written = rows.map(([, code, status, type]) => ({ code, status: Number(status), type }));
    expect(written).toEqual(errorCodes.map((code) => ({ code, ...errorKind(code) })));
  });

  it('has no code that the server never answers with', () => {
    const calls = sources.flatMap(({ text }) => [
      ...text.matchAll(/\b(?:failure|callersFault)\(\s*'(\w+)'/g),
    ]);
    const made = new Set<string | undefined>(calls.map(([, code]) => code));
    expect(errorCodes.filter((code) => !made.has(code))).toEqual([]);
  });
});
