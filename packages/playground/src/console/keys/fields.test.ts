import { describe, expect, it } from 'vitest';
import {
  emptyTexts,
  fieldNamed,
  keyChanges,
  localText,
  newKeyBody,
  ownerIdFor,
  rfc3339,
  textsOfKey,
  unmatchedModels,
  withModelToggled,
} from './fields.ts';
import type { Key } from './key.ts';

const key: Key = {
  ...{ id: 'key_1', prefix: 'tr_AbCd…', name: 'ci', owner: 'acme', fixed: false, admin: false },
  ...{ models: ['acme/*', 'chat'], requests_per_minute: 60, tokens_per_minute: null, max_streams: 3 },
  ...{ budget: { usd: 12.5, period: 'month' }, expires_at: '2999-01-01T00:00:30.000Z' },
  ...{ usage_chunk: 'separate', metadata: { team: 'blue' }, created_at: null, last_used_at: null },
  ...{ revoked_at: null, overlap_until: null },
};

describe('the body of a new key', () => {
  it('has nothing of fields that are empty', () => {
    expect(newKeyBody(emptyTexts)).toEqual({});
  });

  it('has each field in the form of the API', () => {
    expect(
      newKeyBody({ ...textsOfKey(key), expires_at: localText(Date.parse('2999-01-01T00:00Z')) }),
    ).toEqual({
      ...{ name: 'ci', owner: 'acme', models: ['acme/*', 'chat'], requests_per_minute: 60, max_streams: 3 },
      budget: { usd: 12.5, period: 'month' },
      expires_at: '2999-01-01T00:00:00.000Z',
      ...{ usage_chunk: 'separate', metadata: { team: 'blue' } },
    });
  });

  it('has what cannot be read as it was typed, so that the server says what is wrong', () => {
    const texts = {
      ...emptyTexts,
      requests_per_minute: 'many',
      budget: '-',
      metadata: '{team',
      max_streams: '1.5',
    };
    expect(newKeyBody(texts)).toEqual({
      ...{ requests_per_minute: 'many', budget: { usd: '-', period: 'month' }, metadata: '{team' },
      max_streams: 1.5,
    });
  });
});

describe('the changes of a key', () => {
  const before = textsOfKey(key);

  it('are none where nothing was typed, although a field has no seconds', () => {
    expect(keyChanges(before, before)).toEqual({});
  });

  it('are the fields that are not what they were; null for one that was emptied', () => {
    const now = { ...before, name: '', models: 'chat', budget_period: 'day', metadata: '' };
    expect(keyChanges(before, now)).toEqual({
      ...{ name: null, models: ['chat'], budget: { usd: 12.5, period: 'day' }, metadata: null },
    });
  });
});

it('a local time goes to RFC 3339 and back', () => {
  const text = localText(Date.parse('2026-12-31T17:05:00Z'));
  expect(text).toMatch(/^2026-12-31T\d\d:05$|^2027-01-01T\d\d:05$/);
  expect(rfc3339(text)).toBe('2026-12-31T17:05:00.000Z');
  expect(rfc3339('tomorrow')).toBe('tomorrow');
});

it('models are toggled, and those that no model is called are found', () => {
  expect(withModelToggled('', 'acme/*')).toBe('acme/*');
  expect(withModelToggled('acme/*, chat', 'acme/*')).toBe('chat');
  expect(unmatchedModels('acme/* chat,other/*', ['acme/large', 'default'])).toEqual(['chat', 'other/*']);
});

it.each([
  ['budget.period', 'budget'],
  ['models[1]', 'models'],
  ['max_streams', 'max_streams'],
  ['Idempotency-Key', undefined],
  [undefined, undefined],
])('the param %s is at the field %s', (param, field) => {
  expect(fieldNamed(param)).toBe(field);
});

it('the id of an owner is made of its name', () => {
  expect(ownerIdFor(' Größe & Söhne, GmbH! ')).toBe('gro-e-sohne-gmbh');
});
