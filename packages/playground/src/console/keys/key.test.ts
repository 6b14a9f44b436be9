import { expect, it } from 'vitest';
import { limitWords, sharesOf, spentWords, standingsIn } from './budget.ts';
import { keysIn, stateOf } from './key.ts';

const now = Date.parse('2026-11-28T12:00:00Z');
const plain = { fixed: false, revoked_at: null, expires_at: null, overlap_until: null };
const before = '2026-11-28T11:00:00Z';
const later = '2026-11-28T13:00:00Z';

it.each([
  [{}, 'active'],
  [{ expires_at: later }, 'active'],
  [{ expires_at: before }, 'expired'],
  [{ overlap_until: later }, 'overlap'],
  [{ overlap_until: before }, 'active'],
  [{ overlap_until: later, expires_at: before }, 'expired'],
  [{ revoked_at: before, overlap_until: later }, 'revoked'],
  [{ fixed: true }, 'fixed'],
])('a key with %j is %s', (fields, state) => {
  expect(stateOf({ ...plain, ...fields }, now)).toBe(state);
});

it('a list of keys has those entries that are keys, and says whether there are more', () => {
  expect(keysIn({ data: [{ id: 'key_1', owner: 'a' }, { id: 'x' }, null], has_more: true })).toEqual({
    data: [{ id: 'key_1', owner: 'a' }],
    hasMore: true,
  });
  expect(keysIn(undefined)).toEqual({ data: [], hasMore: false });
});

it('the parts of a budget never exceed its bar', () => {
  expect(sharesOf({ limit: 100, spent: 25, reserved: 50 })).toEqual({ spent: 0.25, reserved: 0.5 });
  expect(sharesOf({ limit: 100, spent: 80, reserved: 50 })).toEqual({ spent: 0.8, reserved: 1 - 0.8 });
  expect(sharesOf({ limit: 100, spent: 130, reserved: 5 })).toEqual({ spent: 1, reserved: 0 });
  expect(sharesOf({ limit: 0, spent: 0, reserved: 0 })).toEqual({ spent: 1, reserved: 0 });
});

it('budgets are found by whose they are, and said in words', () => {
  const standing = {
    unit: 'usd',
    limit: 20,
    spent: 3.2,
    reserved: 0,
    period: 'month',
    resets_at: later,
  } as const;
  const standings = standingsIn({ data: [{ id: 'key:key_1', ...standing }, { id: 'key:key_2' }] });
  expect([...standings.keys()]).toEqual(['key:key_1']);
  expect(spentWords(standing)).toBe('$3.20 of $20.00 a month');
  expect(spentWords({ ...standing, unit: 'tokens', spent: 54, limit: 600 })).toBe('54 of 600 tokens a month');
  expect(limitWords({ unit: 'usd', limit: 20, period: 'month' })).toBe('$20.00 a month');
  expect(limitWords({ unit: 'tokens', limit: 12_000, period: 'total' })).toBe('12,000 tokens in total');
});
