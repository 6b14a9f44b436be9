import { readFileSync } from 'node:fs';
import { errorCodes, errorKind } from '@tailrace/protocol';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \|/gm)];

describe('docs/errors.md', () => {
  it('has a row for every code of the table, with its status and type, and no other', () => {
    const written = rows.map(([, code, status, type]) => ({ code, status: Number(status), type }));
    expect(written).toEqual(errorCodes.map((code) => ({ code, ...errorKind(code) })));
  });
});
