import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextCursor, parseCursor } from './cursor.ts';

const epochMs = Date.UTC(2024, 9, 9);
const times = fc.integer({ min: epochMs, max: epochMs + 10 ** 12 });
const rolls = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('a cursor is the number of the interval of 20 seconds', () => {
  const at = (ms: number) => nextCursor({ clock: () => epochMs + ms, random: () => 0 }, undefined);
  expect([at(0), at(19_999), at(20_000), at(1_000 * 20_000)]).toEqual([0, 0, 1, 1_000]);
});

it('a cursor is never behind the clock, always above the one that the client sent, by an hour at most', () => {
  fc.assert(
    fc.property(times, rolls, fc.nat(10 ** 9), (nowMs, roll, sent) => {
      const deps = { clock: () => nowMs, random: () => roll };
      const interval = nextCursor(deps, undefined);
      const next = nextCursor(deps, sent);
      expect(next).toBeGreaterThanOrEqual(interval);
      expect(next).toBeGreaterThan(sent);
      expect(next).toBeLessThanOrEqual(Math.max(interval, sent + 180));
    }),
  );
});

it('a client that always sends the last cursor never gets one again, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(times, rolls), { minLength: 2 }), (turns) => {
      let cursor: number | undefined;
      for (const [nowMs, roll] of turns) {
        const next = nextCursor({ clock: () => nowMs, random: () => roll }, cursor);
        if (cursor !== undefined) expect(next).toBeGreaterThan(cursor);
        cursor = parseCursor(String(next));
        expect(cursor).toBe(next);
      }
    }),
  );
});

it('a text that is no cursor of ours counts as none', () => {
  for (const text of ['', ' 1', '-1', '1e3', '0x1', 'abc', '1'.repeat(16)])
    expect(parseCursor(text)).toBeUndefined();
});
