import { expect, it } from 'vitest';
import type { Owner } from '../storage/contract.ts';
import { createPrincipal, mayUseStream, type PrincipalParts } from './principal.ts';

const acme: Owner = { id: 'acme', createdAtMs: 0 };
const principal = (parts: Partial<PrincipalParts>) =>
  createPrincipal({
    keyId: 'key_1',
    admin: false,
    key: {},
    owner: acme,
    ownerId: 'acme',
    defaults: {},
    ...parts,
  });

it('a key has its own limits, else those of the deployment; an owner has its own only', () => {
  const { scopes } = principal({
    key: { requestsPerMinute: 5 },
    owner: { ...acme, maxStreams: 9 },
    defaults: { requestsPerMinute: 100, tokensPerMinute: 1_000 },
  });
  expect(scopes).toEqual([
    { scope: 'key:key_1', requestsPerMinute: 5, tokensPerMinute: 1_000 },
    { scope: 'owner:acme', maxStreams: 9 },
  ]);
});

it('a scope without limits is left out, and so is an owner that is not stored', () => {
  expect(principal({ owner: undefined }).scopes).toEqual([]);
});

it('budgets are those of the period that the time is in', () => {
  const { budgets } = principal({
    key: { budget: { unit: 'tokens', limit: 10, period: 'day' } },
    owner: { ...acme, budget: { unit: 'usd', limit: 5_000_000, period: 'month' } },
  });
  expect(budgets(Date.parse('2026-02-28T23:59:59.999Z'))).toEqual([
    {
      scope: 'key:key_1',
      unit: 'tokens',
      limit: 10,
      period: 'day',
      sinceMs: Date.parse('2026-02-28T00:00:00Z'),
    },
    {
      scope: 'owner:acme',
      unit: 'usd',
      limit: 5_000_000,
      period: 'month',
      sinceMs: Date.parse('2026-02-01T00:00:00Z'),
    },
  ]);
  expect(budgets(Date.parse('2026-03-01T00:00:00Z')).map(({ sinceMs }) => sinceMs)).toEqual([
    Date.parse('2026-03-01T00:00:00Z'),
    Date.parse('2026-03-01T00:00:00Z'),
  ]);
  expect(principal({}).budgets(0)).toEqual([]);
});

it('a key may use the streams that it has started itself, also where another key has the same owner', () => {
  expect(mayUseStream(principal({}), { id: 'chatcmpl-one', keyId: 'key_1' })).toBe(true);
  expect(mayUseStream(principal({}), { id: 'chatcmpl-one', keyId: 'key_2' })).toBe(false);
});
