import { expect, it } from 'vitest';
import { keyPairs, keyTable } from './key-views.ts';

const nowMs = Date.parse('2026-11-28T12:00:00Z');
const key = {
  id: 'key_1',
  prefix: 'tr_AbCd…',
  name: null,
  owner: 'acme',
  fixed: false,
  admin: false,
  models: null,
  requests_per_minute: null,
  tokens_per_minute: null,
  max_streams: null,
  budget: null,
  expires_at: null,
  usage_chunk: null,
  metadata: {},
  created_at: '2026-11-01T09:00:00.000Z',
  last_used_at: '2026-11-28T11:59:01.250Z',
  revoked_at: null,
  overlap_until: null,
};

it.each([
  [{}, 'active'],
  [{ expires_at: '2026-11-28T12:00:00.000Z' }, 'expired'],
  [{ expires_at: '2026-11-28T12:00:00.001Z' }, 'active'],
  [{ revoked_at: '2026-11-28T11:00:00.000Z', expires_at: '2026-11-28T10:00:00.000Z' }, 'revoked'],
  [{ overlap_until: '2026-11-28T12:30:00.000Z' }, 'active, 2 secrets'],
  [{ overlap_until: '2026-11-28T11:30:00.000Z' }, 'active'],
  [{ fixed: true }, 'fixed'],
  [{ fixed: true, admin: true }, 'fixed, admin'],
])('a key with %j is %s', (fields, state) => {
  expect(keyPairs({ ...key, ...fields }, nowMs)).toMatch(new RegExp(`\\nstate +${state}\\n`));
});

it('the table has a column for what at least one key has, and times in UTC', () => {
  expect(
    keyTable([key, { ...key, id: 'key_2', last_used_at: null, tokens_per_minute: 200_000 }], nowMs),
  ).toBe(`\
ID     KEY       OWNER  STATE   LIMITS              LAST USED
key_1  tr_AbCd…  acme   active                      2026-11-28 11:59:01 UTC
key_2  tr_AbCd…  acme   active  200,000 tokens/min  never
`);
});

it('shows until when the secret before works', () => {
  expect(keyPairs({ ...key, overlap_until: '2026-11-28T12:30:00.000Z' }, nowMs)).toContain(
    '\nold secret until     2026-11-28 12:30:00 UTC\n',
  );
});
