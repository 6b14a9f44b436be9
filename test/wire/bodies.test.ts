// What a request body may be: its size, its type, its encoding, its framing.

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { chatBytes, exchange, expectRefusal, labServer, messages } from './wire-client.ts';

const maxBodyBytes = 64 * 1024;

let server: TestServer;
beforeAll(async () => {
  server = await startServer(labServer({ server: { max_body: '64KiB' } }));
});
afterAll(async () => {
  await server?.stop();
});

const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
  exchange(server, chatBytes(server, {}, { body, headers }));
const valid = JSON.stringify({ model: 'lab/plain', messages });
const padded = (bytes: number) => valid + ' '.repeat(bytes - valid.length);

describe('the size', () => {
  test('may reach the limit', async () => {
    expect((await post(padded(maxBodyBytes))).status).toBe(200);
  });

  test('over the limit is 413', async () => {
    expectRefusal(await post(padded(maxBodyBytes + 1)), 413, 'body_too_large');
  });

  test('over the limit is refused before the body was sent', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, {}, { body: '', headers: { 'Content-Length': '1000000000' } }));
    expectRefusal(await connection.response(), 413, 'body_too_large');
  });

  test('over the limit is refused instead of 100 Continue', async () => {
    await using connection = await connect(server.port);
    const headers = { 'Content-Length': '1000000000', Expect: '100-continue' };
    connection.send(chatBytes(server, {}, { body: '', headers }));
    await connection.response();
    expect(connection.allResponses().map(({ status }) => status)).toEqual([413]);
  });

  test('of a refused body that is sent all the same does not hide the answer', async () => {
    await using connection = await connect(server.port);
    connection.send(chatBytes(server, {}, { body: padded(900_000) }));
    expectRefusal(await connection.response(), 413, 'body_too_large');
  });

  test('of a chunked body counts as it comes', async () => {
    await using connection = await connect(server.port);
    const head = chatBytes(server, {}, { body: '', headers: { 'Transfer-Encoding': 'chunked' } });
    connection.send(head);
    const chunk = Buffer.from(`2000\r\n${'x'.repeat(0x2000)}\r\n`);
    for (let sent = 0; sent <= maxBodyBytes && connection.closed() === undefined; sent += 0x2000) {
      connection.send(chunk);
    }
    expectRefusal(await connection.response(), 413, 'body_too_large');
  });

  test('of a chunked body may be anything within the limit', async () => {
    const pieces = [valid.slice(0, 9), valid.slice(9, 10), valid.slice(10)];
    const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
    const headers = { 'Transfer-Encoding': 'chunked' };
    expect((await post(`${chunks}0\r\n\r\n`, headers)).status).toBe(200);
  });

  test('that promises more than comes ends the request, not the server', async () => {
    await using connection = await connect(server.port);
    connection.send(
      chatBytes(server, {}, { body: valid, headers: { 'Content-Length': String(valid.length + 9) } }),
    );
    connection.end();
    await connection.untilClosed();
    expect(
      connection
        .responses()
        .map(({ status }) => status)
        .filter((status) => status !== 400),
    ).toEqual([]);
    expect((await post(valid)).status).toBe(200);
  });
});

describe('the type', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    '%s is taken',
    async (type) => {
      expect((await post(valid, { 'Content-Type': type })).status).toBe(200);
    },
  );

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'text/json',
    'json',
    '*/*',
  ])('%s is 415', async (type) => {
    expectRefusal(await post(valid, { 'Content-Type': type }), 415, 'unsupported_media_type');
  });

  test('cannot be left out', async () => {
    const bytes = chatBytes(server, {}, { body: valid }).toString('latin1');
    const without = bytes.replace(/Content-Type: .*\r\n/, '');
    expectRefusal(await exchange(server, Buffer.from(without, 'latin1')), 415, 'unsupported_media_type');
  });

  test('of a compressed body is 415', async () => {
    const response = await post(gzipSync(valid), { 'Content-Encoding': 'gzip' });
    expectRefusal(response, 415, 'unsupported_media_type');
  });

  test('is not what chooses between stream and JSON, nor is Accept', async () => {
    const asJson = await post(JSON.stringify({ model: 'lab/plain', messages, stream: true }), {
      Accept: 'application/json',
    });
    expect(asJson.header('content-type')).toBe('text/event-stream; charset=utf-8');
    const asStream = await post(valid, { Accept: 'text/event-stream' });
    expect(asStream.header('content-type')).toMatch(/^application\/json/);
  });
});

describe('the text', () => {
  test.each([
    ['nothing', ''],
    ['half an object', '{"model": "lab/plain", "messages": ['],
    ['two objects', `${valid}${valid}`],
    ['NaN', '{"model": "lab/plain", "messages": [], "temperature": NaN}'],
    ['a word', 'hello'],
    ['a trailing comma', `${valid.slice(0, -1)},}`],
  ])('that is %s is 400 invalid_json', async (_, body) => {
    expectRefusal(await post(body), 400, 'invalid_json');
  });

  test.each(['[]', '"text"', '5', 'null', 'true'])('that is JSON but no object, %s, is 400', async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body.toString()).error.type).toBe('invalid_request_error');
  });

  test('that is not UTF-8 is 400', async () => {
    const body = Buffer.from(valid.replace('something', 'som\u00e9thing'), 'latin1');
    expect((await post(body)).status).toBe(400);
  });

  test('nested too deep is 400 and the server lives', async () => {
    const deep = `{"model": "lab/plain", "messages": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    expect((await post(deep)).status).toBe(400);
    const justTooDeep = `{"model":"lab/plain","messages":${JSON.stringify(messages)},"metadata":${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`;
    expect((await post(justTooDeep)).status).toBe(400);
    expect((await post(valid)).status).toBe(200);
  });

  test('with a number beyond all bounds is 400', async () => {
    const body = valid.replace('{', '{"temperature": 1e999, ');
    expect((await post(body)).status).toBe(400);
  });

  test('may hold the names every JavaScript object has', async () => {
    const body = valid.replace('{', '{"__proto__": {"stream": true}, "constructor": 1, ');
    // Unknown fields are passed on to an upstream that takes them; they must not change the request itself.
    const response = await post(body);
    expect(response.header('content-type')).toMatch(/^application\/json/);
    expect([200, 400]).toContain(response.status);
  });
});
