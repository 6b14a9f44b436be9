import { globSync, readFileSync } from 'node:fs';
import { errorCodes, errorKind, reservedCodes } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \| (\*reserved:\*)?/gm)];

/** The server's code, without its tests and without the wall, which only plays an upstream. */
const sources = globSync('**/*.ts', {
  cwd: new URL('..', import.meta.url),
  exclude: ['wall/**', '**/testing/**', '**/*.{test,suite}.ts', '**/fake-*.ts'],
}).map((file) => ({ file, text: readFileSync(new URL(`../${file}`, import.meta.url), 'utf8') }));

/** Codes that only a detached run makes; no route starts such a run yet. */
const ofDetachedRuns = ['events_gone', 'completion_cancelled'];

describe('docs/errors.md', () => {
  it('has a row for every code of the table, with its status and type, and no other', () => {
    const written = rows.map(([, code, status, type]) => ({ code, status: Number(status), type }));
    expect(written).toEqual(errorCodes.map((code) => ({ code, ...errorKind(code) })));
  });

  it('marks the codes that the table marks as reserved', () => {
    const marked = rows.filter(([, , , , reserved]) => reserved !== undefined).map(([, code]) => code);
    expect(marked).toEqual(reservedCodes);
  });

  it('marks exactly the codes that the server never answers with', () => {
    const calls = sources.flatMap(({ text }) => [
      ...text.matchAll(/\b(?:failure|callersFault)\(\s*'(\w+)'/g),
    ]);
    const made = new Set<string | undefined>(calls.map(([, code]) => code));
    const routesStartDetachedRuns = sources.some(
      ({ file, text }) => file.startsWith('http/') && text.includes("'detached'"),
    );
    if (!routesStartDetachedRuns) for (const code of ofDetachedRuns) made.delete(code);
    expect(errorCodes.filter((code) => !made.has(code))).toEqual(reservedCodes);
  });
});
