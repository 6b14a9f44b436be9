import { expect, test } from 'vitest';
import { errorCodes, errorKind, isErrorCode } from './error-table.ts';

test('every code has a status of an error and the type that belongs to the status', () => {
  const types = new Map<number, Set<string>>();
  for (const code of errorCodes) {
    const { status, type } = errorKind(code);
    expect(isErrorCode(code)).toBe(true);
    expect(status).toBeGreaterThanOrEqual(400);
    types.set(status, (types.get(status) ?? new Set()).add(type));
  }
  for (const [status, names] of types) expect([status, [...names]]).toEqual([status, [expect.any(String)]]);
});

test('any value from outside is known to be a code or not', () => {
  for (const value of ['toString', '__proto__', 'context_length', '', 429, null, undefined, {}]) {
    expect(isErrorCode(value)).toBe(false);
  }
});
