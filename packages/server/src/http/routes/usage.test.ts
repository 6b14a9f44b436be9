import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPrincipal } from '../../access/principal.ts';
import { fail, failure, ok } from '../../domain/failure.ts';
import { createUsageReport } from '../../metering/usage-report/usage-report.ts';
import type { Listed, Owner, Page, StoredKey } from '../../storage/contract.ts';
import { mostUsageRows, type UsageRecord, type UsageRow } from '../../storage/records.ts';
import { noCors } from '../cors.ts';
import { createHandler } from '../handler.ts';
import { createHttpServer } from '../server.ts';
import { usageRoutes } from './usage.ts';

const nowMs = Date.parse('2026-11-28T12:00:00Z');
const sums = {
  promptTokens: 10,
  completionTokens: 20,
  cachedTokens: 5,
  reasoningTokens: 0,
  costMicroUsd: 1_500_001,
};

const record: UsageRecord = {
  id: 'chatcmpl-1',
  requestId: 'req_1',
  keyId: 'key_a',
  owner: 'acme',
  user: 'u1',
  tags: { team: 'blue' },
  model: 'chat',
  servedModel: 'spare',
  target: 'lab/llama',
  status: 'cut',
  promptTokens: 10,
  completionTokens: 20,
  cachedTokens: 5,
  cacheWriteTokens: 3,
  reasoningTokens: 0,
  estimated: true,
  costMicroUsd: 42,
  attempts: 2,
  attemptLog: [
    {
      ...{
        target: 'lab/llama',
        outcome: 'failed',
        prompt_tokens: 10,
        completion_tokens: 20,
        estimated: true,
      },
      ...{ mode: 'first', code: 'upstream_cut', delivered_tokens: 20, started_ms: 1, duration_ms: 700 },
    },
    { target: 'lab/spare', outcome: 'served', prompt_tokens: 10, completion_tokens: 0, estimated: false },
  ],
  takeovers: 0,
  ttftMs: 120,
  durationMs: 900,
  createdAtMs: nowMs - 1_000,
  settledAtMs: nowMs - 100,
};
const open: UsageRecord = {
  ...record,
  id: 'chatcmpl-2',
  status: 'open',
  target: null,
  settledAtMs: null,
};

const keyA: StoredKey = {
  id: 'key_a',
  owner: 'acme',
  name: 'ci',
  prefix: 'tr_a',
  hashes: [{ hash: 'secret-hash' }],
  createdAtMs: 0,
  budget: { unit: 'usd', limit: 5_000_000, period: 'month' },
};
const keyB: StoredKey = {
  id: 'key_b',
  owner: 'acme',
  prefix: 'tr_b',
  hashes: [],
  createdAtMs: 0,
  budget: { unit: 'tokens', limit: 100, period: 'total' },
};
const revoked: StoredKey = { ...keyB, id: 'key_c', revokedAtMs: 1 };
const acme: Owner = { id: 'acme', createdAtMs: 0, budget: { unit: 'tokens', limit: 1_000, period: 'day' } };

/** Answers with what is asked for in the rows, so that a test sees the question. */
const asked: unknown[] = [];
let away = false;
let rowsOfUsage = 1;
async function read<T>(question: unknown, value: T): Promise<T> {
  asked.push(question);
  if (away) throw new Error('connect ECONNREFUSED 10.0.0.7');
  return value;
}
const listed = <T>(data: readonly T[], { after }: Page): Listed<T> =>
  after === 'gone' ? { data: [], hasMore: false, unknownAfter: true } : { data, hasMore: false };

const report = createUsageReport({
  reads: {
    usage: (query) => {
      const group = Object.fromEntries(
        query.groupBy.map((name) => [name === 'key' ? 'key_id' : name, name === 'user' ? '=cmd()' : 'x']),
      );
      const row: UsageRow = { group, requests: 2, ...sums };
      return read(
        { usage: query },
        Array.from({ length: rowsOfUsage }, () => row),
      );
    },
    records: (query) =>
      read(
        { records: query },
        query.after === 'gone'
          ? { data: [], hasMore: false, unknownAfter: true }
          : query.id !== undefined
            ? { data: [record].filter(({ id }) => id === query.id), hasMore: false }
            : { data: [open, record], hasMore: true },
      ),
    spent: (budgets) =>
      read(
        { spent: budgets },
        budgets.map(() => ({
          spentTokens: 70,
          spentMicroUsd: 1_500_001,
          reservedTokens: 40,
          reservedMicroUsd: 250_000,
        })),
      ),
    key: (id) =>
      read(
        { key: id },
        [keyA, keyB].find((key) => key.id === id),
      ),
    keys: (page) => read({ keys: page }, listed([keyA, keyB, revoked], page)),
    owner: (id) => read({ owner: id }, id === 'acme' ? acme : undefined),
    owners: (page) => read({ owners: page }, listed([acme], page)),
  },
  now: () => nowMs,
});

const http = createHttpServer(
  createHandler({
    routes: usageRoutes(report),
    authenticator: {
      authenticate: (access, headers) => {
        const key = headers['authorization']?.[0] ?? '';
        const admin = key === 'admin';
        if (access === 'admin' && !admin) return fail(failure('admin_required', 'no'));
        const ownerId = key === 'key_a' ? 'acme' : 'default';
        return ok(createPrincipal({ keyId: key, admin, key: {}, owner: undefined, ownerId, defaults: {} }));
      },
    },
    cors: noCors,
    ownHostsOnly: false,
    clientWriteMs: 1_000,
    newRequestId: () => 'req_test',
    onDone: () => {},
  }),
  () => 'req_test',
  () => {},
);
let url = '';
beforeAll(async () => {
  url = `http://127.0.0.1:${await http.listen({ host: '127.0.0.1', port: 0, loopback: true })}`;
});
afterAll(() => http.destroy());

async function get(path: string, key = 'admin', accept = '*/*') {
  asked.length = 0;
  const answer = await fetch(url + path, { headers: { authorization: key, accept } });
  return { answer, text: await answer.text() };
}
async function json(path: string, key = 'admin') {
  const { answer, text } = await get(path, key);
  return { status: answer.status, body: JSON.parse(text) };
}

describe('/admin/v1/usage', () => {
  it('answers sums by group', async () => {
    const { status, body } = await json('/admin/v1/usage?group_by=key,day&since=7d&owner=acme');
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [
        {
          key_id: 'x',
          day: 'x',
          requests: 2,
          prompt_tokens: 10,
          completion_tokens: 20,
          cached_tokens: 5,
          reasoning_tokens: 0,
          cost_micro_usd: 1_500_001,
        },
      ],
      has_more: false,
    });
    expect(asked).toEqual([
      { usage: { groupBy: ['key', 'day'], owner: 'acme', sinceMs: nowMs - 7 * 86_400_000 } },
    ]);
  });

  it('answers CSV where the parameter asks for it, never by Accept', async () => {
    const { answer, text } = await get(
      '/admin/v1/usage?group_by=user&format=csv',
      'admin',
      'application/json',
    );
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(text).toBe(
      "user,requests,prompt_tokens,completion_tokens,cached_tokens,reasoning_tokens,cost_micro_usd\r\n'=cmd(),2,10,20,5,0,1500001\r\n",
    );
    const other = await get('/admin/v1/usage?group_by=user', 'admin', 'text/csv');
    expect(JSON.parse(other.text)).toHaveProperty('data');
  });

  it('refuses a wrong parameter with its name, and asks the store nothing', async () => {
    const { status, body } = await json('/admin/v1/usage?group=key');
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'unsupported_parameter', param: 'group' });
    expect(asked).toEqual([]);
  });

  it.each(['/admin/v1/usage', '/admin/v1/requests', '/admin/v1/budgets'])(
    '%s takes an admin key',
    async (path) => {
      expect((await json(path, 'key_a')).status).toBe(403);
      expect(asked).toEqual([]);
    },
  );

  it.each(['/admin/v1/usage', '/admin/v1/requests', '/admin/v1/budgets', '/v1/usage'])(
    '%s is 503 while the store is away, and says nothing of it',
    async (path) => {
      away = true;
      const { answer, text } = await get(path);
      away = false;
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(JSON.parse(text).error.code).toBe('storage_unavailable');
      expect(text).not.toContain('10.0.0.7');
    },
  );
});

describe('/admin/v1/requests', () => {
  it('answers the records with exactly their members, in their order', async () => {
    const { body } = await json('/admin/v1/requests?status=cut&tag=team=blue&limit=2&after=chatcmpl-9');
    expect(asked).toEqual([
      { records: { status: 'cut', tag: { name: 'team', value: 'blue' }, limit: 2, after: 'chatcmpl-9' } },
    ]);
    expect(body.has_more).toBe(true);
    expect(Object.keys(body.data[1]).join(', ')).toBe(
      'id, request_id, key_id, owner, user, tags, model, target, status, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated, cost_micro_usd, attempts, attempt_log, takeovers, ttft_ms, duration_ms, created_at, settled_at',
    );
    expect(body.data[1]).toMatchObject({
      id: 'chatcmpl-1',
      status: 'cut',
      created_at: '2026-11-28T11:59:59.000Z',
      settled_at: '2026-11-28T11:59:59.900Z',
    });
    expect(body.data[0]).toMatchObject({ status: 'open', target: null, settled_at: null });
  });
});

describe('/admin/v1/requests/{id}', () => {
  it('answers one record, with why its attempts were made and have failed', async () => {
    const { body } = await json('/admin/v1/requests/chatcmpl-1');
    expect(asked).toEqual([{ records: { id: 'chatcmpl-1', limit: 1 } }]);
    expect(body).toMatchObject({ id: 'chatcmpl-1', attempts: 2 });
    expect(body.attempt_log).toEqual([
      {
        ...{
          target: 'lab/llama',
          outcome: 'failed',
          prompt_tokens: 10,
          completion_tokens: 20,
          estimated: true,
        },
        ...{ mode: 'first', code: 'upstream_cut', delivered_tokens: 20, started_ms: 1, duration_ms: 700 },
      },
      {
        // Of an earlier version.
        ...{
          target: 'lab/spare',
          outcome: 'served',
          prompt_tokens: 10,
          completion_tokens: 0,
          estimated: false,
        },
        ...{ mode: null, code: null, delivered_tokens: null, started_ms: null, duration_ms: null },
      },
    ]);
  });

  it('is 404 where there is no such record', async () => {
    const { answer, text } = await get('/admin/v1/requests/chatcmpl-0');
    expect(answer.status).toBe(404);
    expect(JSON.parse(text).error.code).toBe('completion_not_found');
  });
});

describe('/admin/v1/budgets', () => {
  it('lists the budgets of owners and of keys that are not revoked', async () => {
    const { body } = await json('/admin/v1/budgets');
    expect(body).toEqual({
      data: [
        {
          id: 'owner:acme',
          owner: 'acme',
          key_id: null,
          name: null,
          unit: 'tokens',
          limit: 1_000,
          spent: 70,
          reserved: 40,
          left: 890,
          period: 'day',
          resets_at: '2026-11-29T00:00:00.000Z',
        },
        {
          id: 'key:key_a',
          owner: 'acme',
          key_id: 'key_a',
          name: 'ci',
          unit: 'usd',
          limit: 5,
          spent: 1.500001,
          reserved: 0.25,
          left: 3.249999,
          period: 'month',
          resets_at: '2026-12-01T00:00:00.000Z',
        },
        {
          id: 'key:key_b',
          owner: 'acme',
          key_id: 'key_b',
          name: null,
          unit: 'tokens',
          limit: 100,
          spent: 70,
          reserved: 40,
          // Never below zero.
          left: 0,
          period: 'total',
          resets_at: null,
        },
      ],
      has_more: false,
    });
  });

  it('goes on after a budget', async () => {
    const { body } = await json('/admin/v1/budgets?limit=1');
    expect(body.has_more).toBe(true);
    await json(`/admin/v1/budgets?after=${body.data[0].id}`);
    expect(asked[0]).toEqual({ owners: { limit: 200, after: 'acme' } });
    await json('/admin/v1/budgets?after=key:key_a');
    expect(asked[0]).toEqual({ keys: { limit: 200, after: 'key_a' } });
  });
});

describe('usage with more rows than one answer has', () => {
  it.each([
    ['/admin/v1/usage?group_by=user,day', 'admin'],
    ['/v1/usage?group_by=user', 'key_a'],
  ])('%s is refused', async (path, key) => {
    rowsOfUsage = mostUsageRows + 1;
    const { status, body } = await json(path, key);
    rowsOfUsage = 1;
    expect([status, body.error.code, body.error.param]).toEqual([400, 'invalid_value', 'group_by']);
  });
});

describe('a list after an entry that does not exist', () => {
  it.each([
    'requests?after=gone',
    'budgets?after=owner:gone',
    'budgets?after=key:gone',
    'budgets?after=gone',
    'budgets?owner=acme&after=owner:other',
  ])('%s is refused', async (path) => {
    const { status, body } = await json(`/admin/v1/${path}`);
    expect([status, body.error.code, body.error.param]).toEqual([400, 'invalid_value', 'after']);
  });
});

describe('/v1/usage', () => {
  it('answers the sums and the budgets of the key that asks', async () => {
    const { body } = await json('/v1/usage?group_by=model', 'key_a');
    expect(body).toEqual({
      key_id: 'key_a',
      requests: 2,
      prompt_tokens: 10,
      completion_tokens: 20,
      cached_tokens: 5,
      reasoning_tokens: 0,
      cost_micro_usd: 1_500_001,
      budget: expect.objectContaining({
        unit: 'usd',
        limit: 5,
        spent: 1.500001,
        reserved: 0.25,
        left: 3.249999,
        resets_at: '2026-12-01T00:00:00.000Z',
      }),
      owner: { id: 'acme', budget: expect.objectContaining({ unit: 'tokens', limit: 1_000, left: 890 }) },
      data: [expect.objectContaining({ model: 'x', requests: 2 })],
      has_more: false,
    });
    expect(asked).toContainEqual({ usage: { groupBy: ['model'], keyId: 'key_a' } });
    expect(asked).toContainEqual({
      spent: [
        { scope: 'key:key_a', sinceMs: Date.parse('2026-11-01T00:00:00Z') },
        { scope: 'owner:acme', sinceMs: Date.parse('2026-11-28T00:00:00Z') },
      ],
    });
  });

  it('a fixed key has no budget of its own and belongs to default', async () => {
    const { body } = await json('/v1/usage', 'key_fixed');
    expect(body).toMatchObject({ key_id: 'key_fixed', budget: null, owner: { id: 'default', budget: null } });
  });

  it('never shows another key', async () => {
    for (const query of ['key_id=key_b', 'owner=acme']) {
      expect((await json(`/v1/usage?${query}`, 'key_a')).status).toBe(400);
    }
    await get('/v1/usage?group_by=key', 'key_a');
    expect(JSON.stringify(asked)).not.toContain('key_b');
  });
});
