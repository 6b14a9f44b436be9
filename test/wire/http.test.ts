// HTTP as clients really speak it: old versions, pipelines, unusual spellings of paths, preflights.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { ask, chatBytes, expectRefusal, labServer } from './wire-client.ts';

let server: TestServer;
beforeAll(async () => {
  const vendor = { 'acme/chat': { aliases: ['chat'], targets: [{ upstream: 'lab', model: 'plain' }] } };
  server = await startServer(labServer({}, vendor));
});
afterAll(async () => {
  await server?.stop();
});

describe('HTTP/1.0', () => {
  test('gets a stream without chunks that ends with the connection', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, { model: 'lab/plain', stream: true }, { version: '1.0' }));
    expect(await connection.untilClosed()).toBe('end');
    const [response] = connection.responses();
    expect(response?.header('transfer-encoding')).toBeUndefined();
    expect(response?.header('connection')).toBe('close');
    expect(expectTrueStream(response?.body ?? Buffer.alloc(0)).complete).toBe(true);
  });

  test('gets the error event of a cut stream too', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, { model: 'lab/cut', stream: true }, { version: '1.0' }));
    await connection.untilClosed();
    const [response] = connection.responses();
    expect(response?.body.toString('latin1')).toContain('"code":"upstream_cut"');
    expect(response?.body.toString('latin1')).not.toContain('[DONE]');
  });

  test('gets a plain answer with a length', async () => {
    const response = await ask(server, { path: '/v1/models', version: '1.0' });
    expect(response.status).toBe(200);
    expect(Number(response.header('content-length'))).toBe(response.body.length);
  });
});

describe('a connection', () => {
  test('serves requests one after the other', async () => {
    await using connection = await connect(server.port);
    for (const index of [0, 1, 2]) {
      connection.send(chatBytes(server, { model: 'lab/plain', stream: index !== 1 }));
      expect((await connection.response(index)).status).toBe(200);
    }
    expect(connection.closed()).toBeUndefined();
  });

  test('serves requests that were sent ahead, in order', async () => {
    await using connection = await connect(server.port);
    const models = requestBytes({
      path: '/v1/models',
      headers: { Authorization: `Bearer ${server.apiKey}` },
    });
    const chat = chatBytes(server, { model: 'lab/paced', stream: true });
    connection.send(Buffer.concat([chat, models, chat, chat, models]));
    await connection.response(4);
    const kinds = connection.responses().map((response) => response.header('content-type')?.split(';')[0]);
    const [sse, json] = ['text/event-stream', 'application/json'];
    expect(kinds).toEqual([sse, json, sse, sse, json]);
    for (const index of [0, 2, 3]) {
      const body = connection.responses()[index]?.body ?? Buffer.alloc(0);
      expect(expectTrueStream(body).complete).toBe(true);
    }
  });

  test('serves the next request after a refusal whose body was read', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, { model: 'acme/none' }));
    expectRefusal(await connection.response(0), 404, 'model_not_found');
    connection.send(chatBytes(server, { model: 'lab/plain' }));
    expect((await connection.response(1)).status).toBe(200);
  });

  test('is closed after the answer where the client asks for that', async () => {
    await using connection = await connect(server.port);
    const headers = { Connection: 'close' };
    connection.send(chatBytes(server, { model: 'lab/plain', stream: true }, { headers }));
    expect(await connection.untilClosed()).toBe('end');
    expect(connection.responses()[0]?.complete).toBe(true);
  });

  test('serves a client that has half-closed after its request, where the answer needs no wait', async () => {
    await using connection = await connect(server.port);
    connection.send(requestBytes({ path: '/livez' }));
    connection.end();
    expect((await connection.response()).status).toBe(200);
  });

  // A client that has left altogether looks the same, and must cost no more tokens.
  test('counts a client that half-closes as gone: its completion is stopped', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, { model: 'lab/plain', stream: true }));
    connection.end();
    expect(await connection.untilClosed()).toBe('end');
  });

  test('answers Expect: 100-continue before the body and then the request', async () => {
    await using connection = await connect(server.port);
    const whole = chatBytes(server, { model: 'lab/plain' }, { headers: { Expect: '100-continue' } });
    const split = whole.indexOf('\r\n\r\n') + 4;
    connection.send(whole.subarray(0, split));
    await expect.poll(() => connection.allResponses()[0]?.status).toBe(100);
    connection.send(whole.subarray(split));
    expect((await connection.response()).status).toBe(200);
  });

  test('answers HEAD without a body and stays usable', async () => {
    await using connection = await connect(server.port, ['HEAD']);
    connection.send(requestBytes({ method: 'HEAD', path: '/livez' }));
    connection.send(requestBytes({ path: '/livez' }));
    expect((await connection.response(1)).status).toBe(200);
    expect(connection.responses()[0]?.body.length).toBe(0);
  });

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a header without a colon', 'GET /livez HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
    [
      'two framings at once',
      'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'two lengths',
      'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    ],
  ])('is refused with 400 and closed for %s', async (_, text) => {
    await using connection = await connect(server.port);
    connection.send(text);
    await connection.untilClosed();
    expect(connection.responses().map(({ status }) => status)).toEqual([400]);
  });

  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a chunked body that is malformed', undefined],
  ])('answers what came before %s, a stream to its end, and then refuses and closes', async (_, text) => {
    await using connection = await connect(server.port);
    const stream = chatBytes(server, { model: 'lab/paced', stream: true });
    const plain = chatBytes(server, { model: 'lab/plain' });
    const chunked = chatBytes(server, {}, { headers: { 'Transfer-Encoding': 'chunked' }, body: 'zz\r\n' });
    connection.send(Buffer.concat([stream, plain, text === undefined ? chunked : Buffer.from(text)]));
    expect(await connection.untilClosed()).toBe('end');
    const [first, second, refusal, ...more] = connection.responses();
    expect(expectTrueStream(first?.body ?? Buffer.alloc(0)).complete).toBe(true);
    expect(second?.status).toBe(200);
    if (refusal === undefined) throw new Error('nothing was refused');
    expectRefusal(refusal, 400, 'invalid_value');
    expect(refusal.header('connection')).toBe('close');
    expect(more).toEqual([]);
    if (text !== undefined) expect(server.logs()).toContain('malformed request');
  });

  test('is refused with 431 for a flood of headers', async () => {
    await using connection = await connect(server.port);
    connection.send(
      `GET /livez HTTP/1.1\r\nHost: a\r\n${`X-Flood: ${'x'.repeat(1000)}\r\n`.repeat(100)}\r\n`,
    );
    await connection.untilClosed();
    expect(connection.responses()[0]?.status).toBe(431);
  });
});

describe('a path', () => {
  test.each([
    '/%76%31/models',
    '/v1/%6dodels',
    '//v1/models',
    '/v1//models',
    '/v1/./models',
    '/v1/x/../models',
    '/V1/models',
    '/v1/models/',
    '/v1\\models',
    'http://evil.example/v1/models',
    'http://127.0.0.1/v1/models',
  ])('spelt %s is not found, with a key and without', async (path) => {
    expectRefusal(await ask(server, { path }), 404, 'unknown_url');
    expectRefusal(await ask(server, { path, headers: { Authorization: '' } }), 404, 'unknown_url');
  });

  test.each([
    '/v1/models/acme/chat',
    '/v1/models/acme%2Fchat',
    '/v1/models/acme%2fchat',
    '/v1/models/%61cme/chat',
  ])('may name a model with a slash: %s', async (path) => {
    const response = await ask(server, { path });
    expect(JSON.parse(response.body.toString())).toMatchObject({ id: 'acme/chat', object: 'model' });
  });

  test.each(['/v1/models/acme%252Fchat', '/v1/models/none', '/v1/models/..%2f..%2fadmin%2fv1%2fstreams'])(
    'that names no model is 404: %s',
    async (path) => {
      expectRefusal(await ask(server, { path }), 404, 'model_not_found');
    },
  );

  test('with a broken escape is 404 or 400, never 500', async () => {
    const response = await ask(server, { path: '/v1/models/%zz%ff' });
    expect([400, 404]).toContain(response.status);
  });

  test('takes a query string', async () => {
    expect((await ask(server, { path: '/v1/models?limit=5' })).status).toBe(200);
  });

  test.each([
    ['/chat/completions', '/v1/chat/completions'],
    ['/models', '/v1/models'],
    ['/v1/responses', '/v1/chat/completions'],
    ['/v1/chat/completion', '/v1/chat/completions'],
  ])('that is not served, %s, is answered with the nearest one that is', async (path, nearest) => {
    const error = expectRefusal(await ask(server, { path, method: 'POST', body: '{}' }), 404, 'unknown_url');
    expect(error.message).toContain(nearest);
  });

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models', 'GET'],
    ['PUT', '/livez', 'GET'],
  ])('refuses %s %s with 405 and says what it allows', async (method, path, allowed) => {
    const response = await ask(server, { method, path });
    expectRefusal(response, 405, 'method_not_allowed');
    expect(response.header('allow')).toContain(allowed);
  });

  test.each(['/livez', '/readyz'])('%s asks for no key', async (path) => {
    expect((await ask(server, { path, headers: { Authorization: '' } })).status).toBe(200);
  });
});

describe('a browser', () => {
  const origin = { Origin: 'https://app.example.org' };
  const stainless = [
    'arch',
    'lang',
    'os',
    'package-version',
    'retry-count',
    'runtime',
    'runtime-version',
    'timeout',
  ];
  const asked = ['authorization', 'content-type', ...stainless.map((name) => `x-stainless-${name}`)];

  test('may send every header the SDKs send', async () => {
    const response = await ask(server, {
      method: 'OPTIONS',
      path: '/v1/chat/completions',
      headers: {
        ...origin,
        Authorization: '',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': asked.join(','),
      },
    });
    expect([200, 204]).toContain(response.status);
    expect(['*', origin.Origin]).toContain(response.header('access-control-allow-origin'));
    expect(response.header('access-control-allow-methods')).toContain('POST');
    expect(listOf(response.header('access-control-allow-headers'))).toEqual(expect.arrayContaining(asked));
  });

  test.each([
    ['an answer', { model: 'lab/plain' }, 200],
    ['a stream', { model: 'lab/plain', stream: true }, 200],
    ['a refusal', { model: 'acme/none' }, 404],
  ])('may read the headers of %s', async (_, fields, status) => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, fields, { headers: origin }));
    const response = await connection.response();
    expect(response.status).toBe(status);
    expect(['*', origin.Origin]).toContain(response.header('access-control-allow-origin'));
    const exposed = listOf(response.header('access-control-expose-headers'));
    const wanted = ['x-request-id', 'retry-after', 'retry-after-ms', 'tailrace-target', 'server-timing'];
    expect(exposed).toEqual(expect.arrayContaining(wanted));
    // A wildcard inside a name matches nothing.
    expect(exposed.filter((name) => name.includes('*'))).toEqual([]);
  });

  function listOf(value: string | undefined): string[] {
    return (value ?? '').split(',').map((name) => name.trim().toLowerCase());
  }
});
