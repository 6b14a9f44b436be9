// Authentication: one extractor of keys, bound to the matched route.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { ask, expectRefusal, labServer } from './wire-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer(labServer());
});
afterAll(async () => {
  await server?.stop();
});

const path = '/v1/models';

describe('a key', () => {
  test.each([
    ['as Bearer', (key: string) => ({ Authorization: `Bearer ${key}` })],
    ['as bearer in lower case', (key: string) => ({ authorization: `bearer ${key}` })],
    ['as x-api-key', (key: string) => ({ Authorization: '', 'X-Api-Key': key })],
    ['as api-key', (key: string) => ({ Authorization: '', 'api-key': key })],
    ['twice, the same', (key: string) => ({ Authorization: `Bearer ${key}`, 'x-api-key': key })],
  ])('is taken %s', async (_, headersOf) => {
    expect((await ask(server, { path, headers: headersOf(server.apiKey) })).status).toBe(200);
  });

  test('that is missing is 401 missing_api_key', async () => {
    expectRefusal(await ask(server, { path, headers: { Authorization: '' } }), 401, 'missing_api_key');
  });

  test.each([
    ['that was not issued', 'Bearer tr_nobody_issued_this'],
    ['of another scheme', 'Basic dXNlcjpwYXNz'],
    ['that is empty', 'Bearer '],
    ['with something behind it', 'Bearer tr_a tr_b'],
    ['that is very long', `Bearer ${'k'.repeat(4000)}`],
  ])('%s is 401', async (_, authorization) => {
    const response = await ask(server, { path, headers: { Authorization: authorization } });
    expect(['missing_api_key', 'invalid_api_key']).toContain(
      expectRefusal(response, 401, codeOf(response)).code,
    );
  });

  test('beside a different one is 400', async () => {
    const headers = { Authorization: `Bearer ${server.apiKey}`, 'x-api-key': 'tr_another' };
    expectRefusal(await ask(server, { path, headers }), 400, 'invalid_value');
  });

  test.each(['api_key', 'key', 'access_token', 'anything'])('in the query as %s is 400', async (name) => {
    const query = `${path}?${name}=${server.apiKey}`;
    const error = expectRefusal(await ask(server, { path: query }), 400, 'invalid_value');
    expect(error.message).not.toContain(server.apiKey);
    expectRefusal(await ask(server, { path: query, headers: { Authorization: '' } }), 400, 'invalid_value');
  });

  test('is never in the log', () => {
    expect(server.logs()).not.toContain(server.apiKey);
    expect(server.logs()).not.toContain(server.adminKey);
    expect(server.logs()).not.toContain('tr_nobody_issued_this');
  });
});

describe('the administration', () => {
  const streams = '/admin/v1/streams';

  test('answers the admin key', async () => {
    const headers = { Authorization: `Bearer ${server.adminKey}` };
    const response = await ask(server, { path: streams, headers });
    expect(JSON.parse(response.body.toString())).toEqual({ data: [], has_more: false });
  });

  test('refuses an ordinary key with 403', async () => {
    expectRefusal(await ask(server, { path: streams }), 403, 'admin_required');
  });

  test('refuses a client without a key with 401', async () => {
    expectRefusal(
      await ask(server, { path: streams, headers: { Authorization: '' } }),
      401,
      'missing_api_key',
    );
  });
});

test('a client without a key is refused before the body is read', async () => {
  // The body is not JSON and the model does not exist: neither is checked.
  const headers = { Authorization: '', 'Content-Type': 'application/json' };
  const response = await ask(server, { path: '/v1/chat/completions', headers, body: '{"model": ' });
  expectRefusal(response, 401, 'missing_api_key');
});

describe('without authentication, on loopback', () => {
  let open: TestServer;
  beforeAll(async () => {
    open = await startServer(labServer({ auth: { required: false } }));
  });
  afterAll(async () => {
    await open?.stop();
  });
  const anonymous = { Authorization: '' };

  test('no client needs a key', async () => {
    expect((await ask(open, { path, headers: anonymous })).status).toBe(200);
  });

  test('a page of another origin is refused, and so is its preflight', async () => {
    const headers = { ...anonymous, Origin: 'https://evil.example' };
    const response = await ask(open, { path, headers });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.header('access-control-allow-origin')).toBeUndefined();
    const preflight = await ask(open, {
      method: 'OPTIONS',
      path: '/v1/chat/completions',
      headers: { ...headers, 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.header('access-control-allow-origin')).toBeUndefined();
  });

  test.each(['evil.example', 'evil.example:7245', '127.0.0.1.evil.example'])(
    'a name that was bent to this machine, %s, gets nothing',
    async (host) => {
      const response = await ask(open, { path, headers: { ...anonymous, Host: host } });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.body.toString()).not.toContain('lab/plain');
    },
  );
});

function codeOf(response: { body: Buffer }): string {
  return JSON.parse(response.body.toString()).error.code;
}
