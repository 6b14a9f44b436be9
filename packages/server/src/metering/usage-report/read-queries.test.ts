import { describe, expect, it } from 'vitest';
import { readBudgetsQuery, readOwnUsageQuery, readRecordQuery, readUsageQuery } from './read-queries.ts';

const nowMs = Date.parse('2026-11-28T12:00:00Z');
const usage = (query: string) => readUsageQuery(query, nowMs);

describe('the parameters of /admin/v1/usage', () => {
  it('without any ask for one sum over everything', () => {
    expect(usage('')).toEqual({ ok: true, value: { usage: { groupBy: [] }, format: 'json' } });
  });

  it('are read all together', () => {
    const query =
      'group_by=key,tag:team,day&key_id=key_1&owner=acme&user=u%201&model=acme/chat&tag=team=blue&since=2026-11-01&until=2026-11-28T13:30:00%2B02:00&format=csv';
    expect(usage(query)).toEqual({
      ok: true,
      value: {
        format: 'csv',
        usage: {
          groupBy: ['key', 'tag:team', 'day'],
          keyId: 'key_1',
          owner: 'acme',
          user: 'u 1',
          model: 'acme/chat',
          tag: { name: 'team', value: 'blue' },
          sinceMs: Date.parse('2026-11-01T00:00:00Z'),
          untilMs: Date.parse('2026-11-28T11:30:00Z'),
        },
      },
    });
  });

  it.each([
    ['7d', nowMs - 7 * 86_400_000],
    ['24h', nowMs - 86_400_000],
    ['2026-02-28', Date.parse('2026-02-28T00:00:00Z')],
    ['2026-02-28T23:59:59.5Z', Date.parse('2026-02-28T23:59:59.500Z')],
    ['2026-02-28t10:00:00z', Date.parse('2026-02-28T10:00:00Z')],
    // An unescaped plus arrives as a space.
    ['2026-02-28T10:00:00+01:00', Date.parse('2026-02-28T09:00:00Z')],
    ['2026-02-28T10:00:00-01:00', Date.parse('2026-02-28T11:00:00Z')],
  ])('since=%s is a time', (text, sinceMs) => {
    expect(usage(`since=${text}`)).toMatchObject({ ok: true, value: { usage: { sinceMs } } });
  });

  it.each([
    ['since=yesterday', 'since', 'invalid_value'],
    ['since=2026-02-30', 'since', 'invalid_value'],
    ['since=2026-02-28T25:00:00Z', 'since', 'invalid_value'],
    ['since=2026-02-28T10:00:00', 'since', 'invalid_value'],
    ['since=1764331200', 'since', 'invalid_value'],
    ['since=-7d', 'since', 'invalid_value'],
    ['since=99999999d', 'since', 'invalid_value'],
    ['until=0001-01-01', 'until', 'invalid_value'],
    ['since=2026-11-02&until=2026-11-02', 'until', 'invalid_value'],
    ['group_by=', 'group_by', 'invalid_value'],
    ['group_by=key,', 'group_by', 'invalid_value'],
    ['group_by=key,key', 'group_by', 'invalid_value'],
    ['group_by=tag:', 'group_by', 'invalid_value'],
    ['group_by=tag:a%20b', 'group_by', 'invalid_value'],
    ['group_by=status', 'group_by', 'invalid_value'],
    [`group_by=${Array.from({ length: 11 }, (_, index) => `tag:${index}`)}`, 'group_by', 'invalid_value'],
    ['tag=team', 'tag', 'invalid_value'],
    ['tag==blue', 'tag', 'invalid_value'],
    ['tag=team=', 'tag', 'invalid_value'],
    ['format=xml', 'format', 'invalid_value'],
    ['model=a&model=b', 'model', 'invalid_value'],
    ['user=', 'user', 'invalid_value'],
    [`user=${'u'.repeat(1_025)}`, 'user', 'invalid_value'],
    ['status=open', 'status', 'unsupported_parameter'],
    ['__proto__=1', '__proto__', 'unsupported_parameter'],
  ])('%s is refused at %s', (query, param, code) => {
    expect(usage(query)).toMatchObject({ ok: false, failure: { code, param } });
  });

  it.each([
    ['grup_by=key', 'did you mean "group_by"?'],
    ['group_by=ownr', 'did you mean "owner"?'],
    ['format=cvs', 'did you mean "csv"?'],
  ])('%s names the nearest', (query, hint) => {
    const read = usage(query);
    expect(read.ok ? '' : read.failure.message).toContain(hint);
  });

  it('a long or odd name is neither repeated whole nor breaks the line', () => {
    const read = usage(`${'x'.repeat(10_000)}%0a=1`);
    expect(read.ok ? '' : read.failure.message.length).toBeLessThan(300);
    expect(read.ok ? '' : read.failure.param?.length).toBe(64);
    expect(usage('a%0ab=1')).toMatchObject({ ok: false, failure: { param: 'a?b' } });
  });
});

describe('the parameters of /v1/usage', () => {
  const own = (query: string) => readOwnUsageQuery(query, 'key_own', nowMs);

  it('always ask for the caller’s key only', () => {
    expect(own('group_by=model&since=1d')).toMatchObject({
      ok: true,
      value: { keyId: 'key_own', groupBy: ['model'] },
    });
  });

  it.each(['key_id', 'owner', 'format'])('%s is none of them', (param) => {
    expect(own(`${param}=key_other`)).toMatchObject({
      ok: false,
      failure: { code: 'unsupported_parameter', param },
    });
  });
});

describe('the parameters of /admin/v1/requests', () => {
  const requests = (query: string) => readRecordQuery(query, nowMs);

  it('without any ask for the newest hundred', () => {
    expect(requests('')).toEqual({ ok: true, value: { limit: 100 } });
  });

  it('have a status and a page', () => {
    expect(requests('status=cut&limit=1000&after=chatcmpl-1')).toEqual({
      ok: true,
      value: { status: 'cut', limit: 1_000, after: 'chatcmpl-1' },
    });
  });

  it.each([
    ['status=cutt', 'status'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=10.5', 'limit'],
    ['after=', 'after'],
    ['group_by=key', 'group_by'],
  ])('%s is refused at %s', (query, param) => {
    expect(requests(query)).toMatchObject({ ok: false, failure: { param } });
  });
});

it('the parameters of /admin/v1/budgets have an owner and a page', () => {
  expect(readBudgetsQuery('owner=acme&limit=5')).toEqual({ ok: true, value: { owner: 'acme', limit: 5 } });
  expect(readBudgetsQuery('since=7d')).toMatchObject({ ok: false, failure: { param: 'since' } });
});
