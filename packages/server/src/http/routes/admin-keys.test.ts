import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryKeys, type MemoryKeys } from '../../access/testing/memory-keys.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

let ledger: MemoryKeys;
let app: TestApp;
beforeEach(async () => {
  ledger = createMemoryKeys();
  app = await startTestApp({ config: 'auth: {key_prefix: tr_}', keyLedger: ledger });
});
afterEach(() => app.stop());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests read what the routes answer.
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly json: any;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(app.url + path, {
    method,
    headers: {
      authorization: `Bearer ${testAdminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, headers: answer.headers, json: isJson ? JSON.parse(text) : text };
}
const use = async (key: string, path = '/v1/models') => {
  const answer = await fetch(app.url + path, { headers: { authorization: `Bearer ${key}` } });
  const json = (await answer.json()) as { error?: { code: string } };
  return json.error?.code ?? answer.status;
};
const create = async (body: unknown = {}) => (await call('POST', '/admin/v1/keys', body)).json;

describe('POST /admin/v1/keys', () => {
  it('makes a key that works at once, shows it once, and makes its owner', async () => {
    const { status, headers, json } = await call('POST', '/admin/v1/keys', {
      name: 'ci',
      owner: 'acme',
      models: ['acme/*', 'default'],
      requests_per_minute: 60,
      tokens_per_minute: 10_000,
      max_streams: 3,
      budget: { usd: 12.345678, period: 'month' },
      expires_at: '2999-01-01T00:00:00Z',
      usage_chunk: 'separate',
      metadata: { team: { name: 'blue' } },
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f]{16}$/),
      key: expect.stringMatching(/^tr_[0-9A-Za-z]{43}$/),
      prefix: `${json.key.slice(0, 7)}…`,
      name: 'ci',
      owner: 'acme',
      fixed: false,
      admin: false,
      models: ['acme/*', 'default'],
      requests_per_minute: 60,
      tokens_per_minute: 10_000,
      max_streams: 3,
      budget: { usd: 12.345678, period: 'month' },
      expires_at: '2999-01-01T00:00:00.000Z',
      usage_chunk: 'separate',
      log_content: null,
      metadata: { team: { name: 'blue' } },
      created_at: expect.any(String),
      last_used_at: null,
      revoked_at: null,
      overlap_until: null,
    });
    expect(await use(json.key)).toBe(200);
    expect(await use(json.key, '/admin/v1/keys')).toBe('admin_required');
    const { key, ...rest } = json;
    expect((await call('GET', `/admin/v1/keys/${json.id}`)).json).toEqual(rest);
    expect((await call('GET', '/admin/v1/owners/acme')).json).toMatchObject({ id: 'acme', budget: null });
    // The store has the hash only.
    expect(JSON.stringify(await ledger.key(json.id))).not.toContain(key);
  });

  it('takes no body, {} and nulls for a key without limits', async () => {
    for (const body of [undefined, {}, { name: null, owner: null, budget: null, models: null }]) {
      const { status, json } = await call('POST', '/admin/v1/keys', body);
      expect(status).toBe(201);
      expect(json).toMatchObject({ name: null, owner: 'default', budget: null, models: null });
    }
  });

  it.each<[unknown, string, string | undefined]>([
    [[], 'invalid_type', undefined],
    [{ model: ['a'] }, 'unsupported_parameter', 'model'],
    [{ name: 5 }, 'invalid_type', 'name'],
    [{ name: 'x'.repeat(129) }, 'invalid_value', 'name'],
    [{ owner: 'a b' }, 'invalid_value', 'owner'],
    [{ owner: '' }, 'invalid_value', 'owner'],
    [{ models: 'a' }, 'invalid_type', 'models'],
    [{ models: [] }, 'invalid_value', 'models'],
    [{ models: ['a', '*b'] }, 'invalid_value', 'models[1]'],
    [{ models: ['a', 7] }, 'invalid_type', 'models[1]'],
    [{ requests_per_minute: 1.5 }, 'invalid_type', 'requests_per_minute'],
    [{ tokens_per_minute: 0 }, 'invalid_value', 'tokens_per_minute'],
    [{ max_streams: -1 }, 'invalid_value', 'max_streams'],
    [{ budget: 5 }, 'invalid_type', 'budget'],
    [{ budget: {} }, 'invalid_value', 'budget'],
    [{ budget: { tokens: 5, usd: 1, period: 'day' } }, 'invalid_value', 'budget'],
    [{ budget: { tokens: 5 } }, 'missing_parameter', 'budget.period'],
    [{ budget: { tokens: 5, period: 'week' } }, 'invalid_value', 'budget.period'],
    [{ budget: { dollars: 5, period: 'day' } }, 'unsupported_parameter', 'budget.dollars'],
    [{ budget: { usd: 0.0000001, period: 'day' } }, 'invalid_value', 'budget.usd'],
    [{ expires_at: 1_700_000_000 }, 'invalid_type', 'expires_at'],
    [{ expires_at: '2030-02-31T00:00:00Z' }, 'invalid_value', 'expires_at'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'invalid_value', 'expires_at'],
    [{ usage_chunk: 'both' }, 'invalid_value', 'usage_chunk'],
    [{ metadata: 'x' }, 'invalid_type', 'metadata'],
    [{ metadata: { x: 'x'.repeat(20_000) } }, 'invalid_value', 'metadata'],
    [{ metadata: { x: 'x'.repeat(200_000) } }, 'body_too_large', undefined],
  ])('refuses %j with %s at %s', async (body, code, param) => {
    const { status, json } = await call('POST', '/admin/v1/keys', body);
    expect([400, 413]).toContain(status);
    expect(json.error).toMatchObject({ code, param: param ?? null });
    expect(ledger.calls).not.toContain('change');
  });

  it('names the nearest field', async () => {
    const { json } = await call('POST', '/admin/v1/keys', { request_per_minute: 5 });
    expect(json.error.message).toContain("did you mean 'requests_per_minute'?");
  });
});

describe('an Idempotency-Key', () => {
  const once = { 'idempotency-key': 'one' };

  it('makes one key of two requests; the second answer has no key', async () => {
    const first = await call('POST', '/admin/v1/keys', { name: 'a' }, once);
    const second = await call('POST', '/admin/v1/keys', { name: 'a' }, once);
    expect(second.status).toBe(201);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.json).toEqual({ ...first.json, key: null });
    expect(first.headers.get('idempotent-replayed')).toBeNull();
  });

  it('with another body or path is 409', async () => {
    const { json } = await call('POST', '/admin/v1/keys', { name: 'a' }, once);
    for (const [method, path, body] of [
      ['POST', '/admin/v1/keys', { name: 'b' }],
      ['POST', `/admin/v1/keys/${json.id}/rotate`, { name: 'a' }],
      ['DELETE', `/admin/v1/keys/${json.id}`, undefined],
    ] as const) {
      const again = await call(method, path, body, once);
      expect([again.status, again.json.error.code]).toEqual(
        path.endsWith('rotate') ? [400, 'unsupported_parameter'] : [409, 'idempotency_key_reused'],
      );
    }
  });

  it('replays a rotation without its key, and a revocation', async () => {
    const { id } = await create();
    const path = `/admin/v1/keys/${id}`;
    const rotated = await call('POST', `${path}/rotate`, undefined, { 'idempotency-key': 'r' });
    expect(await call('POST', `${path}/rotate`, undefined, { 'idempotency-key': 'r' })).toMatchObject({
      status: 200,
      json: { ...rotated.json, key: null },
    });
    const revoked = await call('DELETE', path, undefined, { 'idempotency-key': 'd' });
    expect((await call('DELETE', path, undefined, { 'idempotency-key': 'd' })).json).toEqual(revoked.json);
  });

  it.each(['', 'x'.repeat(256)])('of a wrong length is 400', async (key) => {
    const { json } = await call('POST', '/admin/v1/keys', {}, { 'idempotency-key': key });
    expect(json.error).toMatchObject({ code: 'invalid_value', param: 'Idempotency-Key' });
  });
});

describe('POST /admin/v1/keys/rotate-signing', () => {
  const path = '/admin/v1/keys/rotate-signing';

  it('replaces the secret; neither the answer nor the log has the old one or the new one', async () => {
    const before = ledger.signingSecret;
    const { status, headers, json } = await call('POST', path);
    expect([status, json]).toEqual([200, { rotated: true }]);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(ledger.signingSecret).not.toBe(before);
    await expect.poll(() => app.logged()).toMatchObject([{ route: path, status: 200 }]);
    for (const secret of [before, ledger.signingSecret])
      expect(JSON.stringify(app.logged())).not.toContain(secret);
  });

  it('is carried out once for an Idempotency-Key', async () => {
    const once = { 'idempotency-key': 'one' };
    const first = await call('POST', path, undefined, once);
    const secret = ledger.signingSecret;
    const second = await call('POST', path, undefined, once);
    expect([second.status, second.json]).toEqual([first.status, first.json]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(ledger.signingSecret).toBe(secret);
    expect((await call('POST', '/admin/v1/keys', undefined, once)).status).toBe(409);
  });

  it('takes no fields, and is no id of a key', async () => {
    expect((await call('POST', path, { overlap: '1h' })).json.error).toMatchObject({ param: 'overlap' });
    expect((await call('GET', path)).status).toBe(405);
  });

  it('is shown by no route of the administration', async () => {
    const shown: string[] = [];
    for (const route of app.routes.filter(({ method, path: at }) => method === 'GET' && !at.includes('{')))
      shown.push(JSON.stringify((await call('GET', route.path)).json ?? ''));
    expect(shown.length).toBeGreaterThan(8);
    expect(shown.filter((text) => text.includes(ledger.signingSecret))).toEqual([]);
  });
});

describe('GET /admin/v1/keys', () => {
  it('lists fixed keys first, then the stored ones, in pages', async () => {
    const made = [await create({ owner: 'acme' }), await create(), await create()]
      .map(({ id }) => id)
      .toSorted();
    const whole = (await call('GET', '/admin/v1/keys')).json;
    const ids = whole.data.map(({ id }: { id: string }) => id);
    expect(whole.has_more).toBe(false);
    expect(ids.slice(2)).toEqual(made);
    expect(whole.data.slice(0, 2)).toMatchObject([
      { fixed: true, admin: true, owner: 'default', prefix: null },
      { fixed: true, admin: false },
    ]);
    expect(JSON.stringify(whole)).not.toContain(testKey);
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const seen: string[] = [];
      let more = true;
      while (more) {
        const after: string = seen.length === 0 ? '' : `&after=${seen.at(-1)}`;
        const page = (await call('GET', `/admin/v1/keys?limit=${limit}${after}`)).json;
        expect(page.data.length).toBeLessThanOrEqual(limit);
        seen.push(...page.data.map(({ id }: { id: string }) => id));
        more = page.has_more;
        expect(seen.length).toBeLessThanOrEqual(5);
      }
      expect(seen).toEqual(ids);
    }
  });

  it('of one owner are only its own', async () => {
    const { id } = await create({ owner: 'acme' });
    await create();
    const data = async (owner: string) => (await call('GET', `/admin/v1/keys?owner=${owner}`)).json.data;
    expect(await data('acme')).toMatchObject([{ id }]);
    expect(await data('default')).toHaveLength(3);
    expect(await data('other')).toEqual([]);
  });

  it.each(['limit=0', 'limit=x', 'limit=1001', 'page=2', 'owner='])('refuses ?%s', async (query) => {
    const { status, json } = await call('GET', `/admin/v1/keys?${query}`);
    expect([status, json.error.param]).toEqual([400, query.split('=')[0]]);
  });
});

describe('a key', () => {
  it('is changed field by field; null removes a field', async () => {
    const { id } = await create({ name: 'a', max_streams: 5, requests_per_minute: 9 });
    const { status, json } = await call('PATCH', `/admin/v1/keys/${id}`, {
      name: null,
      max_streams: 7,
      owner: 'acme',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ name: null, max_streams: 7, requests_per_minute: 9, owner: 'acme' });
    expect('key' in json).toBe(false);
    expect((await call('PATCH', `/admin/v1/keys/${id}`, { owner: null })).json.owner).toBe('default');
    expect((await call('PATCH', `/admin/v1/keys/${id}`, { prefix: 'x' })).json.error.param).toBe('prefix');
  });

  it('that is revoked is refused at once and cannot be changed; a second revocation changes nothing', async () => {
    const { id, key } = await create();
    const revoked = await call('DELETE', `/admin/v1/keys/${id}`);
    expect([revoked.status, revoked.json.id]).toEqual([200, id]);
    expect(revoked.json.revoked_at).toEqual(expect.any(String));
    expect(await use(key)).toBe('invalid_api_key');
    expect((await call('DELETE', `/admin/v1/keys/${id}`)).json).toEqual(revoked.json);
    for (const [method, path, body] of [
      ['PATCH', `/admin/v1/keys/${id}`, { name: 'x' }],
      ['POST', `/admin/v1/keys/${id}/rotate`, {}],
    ] as const) {
      expect((await call(method, path, body)).json.error.code).toBe('conflict');
    }
  });

  it('that is rotated works beside the new one for the overlap', async () => {
    const { id, key } = await create();
    const { status, json } = await call('POST', `/admin/v1/keys/${id}/rotate`, { overlap: '1h' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ id, prefix: `${json.key.slice(0, 7)}…` });
    expect(Date.parse(json.overlap_until) - Date.now()).toBeGreaterThan(3_500_000);
    expect([await use(key), await use(json.key)]).toEqual([200, 200]);
  });

  it('that is rotated without an overlap ends at once', async () => {
    const { id, key } = await create();
    const { json } = await call('POST', `/admin/v1/keys/${id}/rotate`);
    expect([await use(key), await use(json.key)]).toEqual(['expired_api_key', 200]);
  });

  it.each([{ overlap: 'soon' }, { overlap: '91d' }, { overlap: 60 }, { for: '1h' }])(
    'is not rotated with %j',
    async (body) => {
      const { id, key } = await create();
      const { json } = await call('POST', `/admin/v1/keys/${id}/rotate`, body);
      expect(json.error.param).toBe(Object.keys(body)[0]);
      expect(await use(key)).toBe(200);
    },
  );

  it('that is fixed is shown and cannot be changed', async () => {
    const [admin] = (await call('GET', '/admin/v1/keys?limit=1')).json.data;
    const path = `/admin/v1/keys/${admin.id}`;
    expect((await call('GET', path)).json).toEqual(admin);
    for (const [method, at, body] of [
      ['PATCH', path, { name: 'x' }],
      ['DELETE', path, undefined],
      ['POST', `${path}/rotate`, {}],
    ] as const) {
      const { status, json } = await call(method, at, body);
      expect([status, json.error.code]).toEqual([409, 'conflict']);
    }
  });

  it.each([
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/rotate'],
  ])('that does not exist is 404: %s', async (method, rest) => {
    const body = method === 'GET' || method === 'DELETE' ? undefined : {};
    const { status, json } = await call(method, `/admin/v1/keys/key_none${rest}`, body);
    expect([status, json.error.code]).toEqual([404, 'unknown_url']);
    expect(json.error.message).toContain("no key 'key_none'");
  });
});

describe('an owner', () => {
  it('is made and replaced by PUT, and changed by PATCH', async () => {
    const path = '/admin/v1/owners/acme';
    const made = await call('PUT', path, {
      name: 'Acme',
      max_streams: 5,
      budget: { tokens: 10, period: 'total' },
    });
    expect([made.status, made.json]).toEqual([
      201,
      {
        id: 'acme',
        name: 'Acme',
        models: null,
        requests_per_minute: null,
        tokens_per_minute: null,
        max_streams: 5,
        budget: { tokens: 10, period: 'total' },
        metadata: {},
        created_at: expect.any(String),
      },
    ]);
    const changed = await call('PATCH', path, { budget: null, models: ['a'] });
    expect(changed.json).toMatchObject({ name: 'Acme', budget: null, models: ['a'] });
    const replaced = await call('PUT', path, {});
    expect([replaced.status, replaced.json.name, replaced.json.max_streams]).toEqual([200, null, null]);
    expect((await call('GET', path)).json).toEqual(replaced.json);
  });

  it('has no fields of a key', async () => {
    const { json } = await call('PUT', '/admin/v1/owners/acme', { expires_at: '2999-01-01T00:00:00Z' });
    expect(json.error).toMatchObject({ code: 'unsupported_parameter', param: 'expires_at' });
  });

  it('with an odd id is refused', async () => {
    const { error } = (await call('PUT', '/admin/v1/owners/a%20b', {})).json;
    expect(error).toMatchObject({ code: 'invalid_value', param: 'id' });
    expect(error.message).toContain("got 'a b'");
    expect((await call('PUT', '/admin/v1/owners/team%2Fblue', {})).status).toBe(201);
    expect((await call('GET', '/admin/v1/owners/team%2Fblue')).json.id).toBe('team/blue');
  });

  it('is deleted only when its keys are revoked; default never', async () => {
    const { id } = await create({ owner: 'acme' });
    const remove = async (owner: string) => {
      const { status, json } = await call('DELETE', `/admin/v1/owners/${owner}`);
      return [status, json.error?.code ?? json];
    };
    expect(await remove('acme')).toEqual([409, 'conflict']);
    await call('DELETE', `/admin/v1/keys/${id}`);
    expect(await remove('acme')).toEqual([200, { id: 'acme', deleted: true }]);
    expect(await remove('acme')).toEqual([404, 'unknown_url']);
    expect(await remove('default')).toEqual([409, 'conflict']);
  });

  it('is listed in pages', async () => {
    for (const id of ['b', 'a', 'c']) await call('PUT', `/admin/v1/owners/${id}`, {});
    const page = async (query: string) => {
      const { data, has_more } = (await call('GET', `/admin/v1/owners${query}`)).json;
      return [data.map(({ id }: { id: string }) => id), has_more];
    };
    expect(await page('')).toEqual([['a', 'b', 'c', 'default'], false]);
    expect(await page('?limit=2')).toEqual([['a', 'b'], true]);
    expect(await page('?limit=2&after=b')).toEqual([['c', 'default'], false]);
  });

  it('is refused after an entry that it does not have', async () => {
    for (const path of ['owners?after=none', 'keys?after=none', 'keys?owner=default&after=%00']) {
      const { status, json } = await call('GET', `/admin/v1/${path}`);
      expect([status, json.error.code, json.error.param]).toEqual([400, 'invalid_value', 'after']);
    }
  });
});

it('while the store is away every route is 503, says nothing of it, and fixed keys go on to work', async () => {
  const { id, key } = await create();
  ledger.away = true;
  for (const [method, path, body] of [
    ['POST', '/admin/v1/keys', {}],
    ['GET', '/admin/v1/keys', undefined],
    ['GET', `/admin/v1/keys/${id}`, undefined],
    ['PATCH', `/admin/v1/keys/${id}`, {}],
    ['DELETE', `/admin/v1/keys/${id}`, undefined],
    ['POST', `/admin/v1/keys/${id}/rotate`, undefined],
    ['GET', '/admin/v1/owners', undefined],
    ['PUT', '/admin/v1/owners/acme', {}],
    ['GET', '/admin/v1/owners/acme', undefined],
    ['PATCH', '/admin/v1/owners/acme', {}],
    ['DELETE', '/admin/v1/owners/acme', undefined],
  ] as const) {
    const { status, headers, json } = await call(method, path, body);
    expect([method, path, status, json.error.code]).toEqual([method, path, 503, 'storage_unavailable']);
    expect(headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(json)).not.toContain('10.1.2.3');
  }
  expect(await use(testKey)).toBe(200);
  // It is mirrored.
  expect(await use(key)).toBe(200);
  expect(await use('tr_of-another-replica')).toBe('storage_unavailable');
});

it('keys never stand in the log', async () => {
  const { key } = await create();
  await use(key);
  const log = JSON.stringify(app.logged());
  expect(log).toContain('/admin/v1/keys');
  expect(log).not.toContain(key);
});

it('a page of an allowed origin learns every method of a route by a preflight', async () => {
  const preflight = await fetch(`${app.url}/admin/v1/keys/key_1`, {
    method: 'OPTIONS',
    headers: { origin: 'https://a.example', 'access-control-request-method': 'PATCH' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD, PATCH, DELETE, OPTIONS');
});

describe('the log', () => {
  const lines = () =>
    app.logged().map(({ method, route, status, subject }) => [method, route, status, subject].join(' '));

  it('has the id of the key or owner of each change, also of one that is in conflict', async () => {
    const { id } = await create({ owner: 'acme' });
    await call('PATCH', `/admin/v1/keys/${id}`, { name: 'ci' });
    await call('DELETE', '/admin/v1/owners/acme');
    await call('POST', `/admin/v1/keys/${id}/rotate`);
    await call('DELETE', `/admin/v1/keys/${id}`);
    await call('PUT', '/admin/v1/owners/other', {});
    await call('DELETE', '/admin/v1/owners/other');
    await expect
      .poll(lines)
      .toEqual([
        `POST /admin/v1/keys 201 ${id}`,
        `PATCH /admin/v1/keys/{id} 200 ${id}`,
        'DELETE /admin/v1/owners/{id} 409 acme',
        `POST /admin/v1/keys/{id}/rotate 200 ${id}`,
        `DELETE /admin/v1/keys/{id} 200 ${id}`,
        'PUT /admin/v1/owners/{id} 201 other',
        'DELETE /admin/v1/owners/{id} 200 other',
      ]);
  });

  it('never has a text of the path that is no id: it may be a key', async () => {
    // Not of the form of keys that are issued here, which the log masks anyway.
    const key = 'a-key-of-another-form';
    await call('GET', `/admin/v1/keys/${key}`);
    await call('PUT', `/admin/v1/owners/=${key}`, {});
    await expect.poll(() => app.logged().length).toBe(2);
    expect(JSON.stringify(app.logged())).not.toContain(key);
  });
});
