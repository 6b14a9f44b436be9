import { expect, test } from 'vitest';
import { withNewest, withOlder } from './record-list.ts';
import { filtersIn, isWhole, listPath, requestsAddress } from './request-filters.ts';
import { type RecordPage, type RequestRecord, readRecord } from './request-record.ts';

const page = (ids: string, hasMore: boolean): RecordPage => ({
  records: [...ids].map((id) => readRecord({ id, status: 'completed' }) as RequestRecord),
  hasMore,
});
const ids = ({ records }: RecordPage): string => records.map(({ id }) => id).join('');

test('a newer page keeps what was loaded behind it, where they meet', () => {
  const known = page('cba', false);
  expect(ids(withNewest(known, page('edcb', true)))).toBe('edcba');
  expect(withNewest(known, page('edcb', true)).hasMore).toBe(false);
  // Records between them are missing.
  expect(ids(withNewest(known, page('hgf', true)))).toBe('hgf');
  expect(withNewest(known, page('hgf', true)).hasMore).toBe(true);
  // It is the whole list.
  expect(ids(withNewest(known, page('d', false)))).toBe('d');
});

test('an older page comes behind, without what is there already', () => {
  expect(ids(withOlder(page('edc', true), page('cba', false)))).toBe('edcba');
});

test('filters go into the address and out of it as they were', () => {
  const filters = { key_id: 'key_a', tag: 'team=a&b', since: '2026-11-28T10:00:00+01:00' };
  const [, query = ''] = requestsAddress(filters, 'chatcmpl-1').split('?');
  expect(filtersIn(new URLSearchParams(query))).toEqual(filters);
  expect(new URL(listPath(filters, { limit: 2, after: 'x' }), 'http://h').searchParams.get('tag')).toBe(
    'team=a&b',
  );
});

test.each([
  ['tag', 'team', false],
  ['tag', 'team=blue', true],
  ['since', '2', false],
  ['since', '24h', true],
  ['until', '2026-11-2', false],
  ['until', '2026-11-28', true],
  ['until', '2026-11-28T10:00:00Z', true],
  ['user', 'u', true],
] as const)('what is typed into %s is whole: %j %j', (name, text, whole) => {
  expect(isWhole(name, text)).toBe(whole);
});
