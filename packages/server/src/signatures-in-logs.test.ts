import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStoredKeys } from './access/stored-keys.ts';
import { createStreamSignature } from './access/stream-signature.ts';
import { startTestApp, type TestApp, testAdminKey, testKey } from './testing/start-app.ts';

/* The signed address of a stream is sent to every route, in every way that leaves a line in the log: answered, refused, unknown, malformed. */

let app: TestApp;
let signature: string;
let query: string;
beforeAll(async () => {
  app = await startTestApp({ config: 'logging: {level: debug, content: true}' });
  const keys = createStoredKeys({ ledger: app.ledger.ledger, now: () => 0 });
  await keys.follow(new AbortController().signal, () => {});
  const expiresS = Math.ceil(Date.now() / 1_000) + 600;
  signature = createStreamSignature(keys.signingSecret).sign('one', expiresS) ?? '';
  query = `expires=${expiresS}&signature=${signature}`;
});
afterAll(() => app?.stop());

/** Sends bytes on a connection of their own. The result is the answer; empty where the connection was closed without one. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      answer += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}
const request = (method: string, target: string, more = '') =>
  `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${more}Connection: close\r\n\r\n`;
const bearer = (key: string) => `Authorization: Bearer ${key}\r\n`;
const escaped = (text: string) => text.replaceAll(/[^/]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);

/** No text has the signature, nor an escaped one. */
function expectNone(texts: readonly string[]): void {
  for (const text of texts) {
    expect(text.toLowerCase()).not.toContain(signature);
    expect(text.toLowerCase()).not.toContain(escaped(signature));
  }
}
const lines = () => app.logged().map((line) => JSON.stringify(line));

it('no line of a route has it, whatever the method and the key', async () => {
  const paths = [...new Set(app.routes.map(({ path }) => path.replace(/\{\+?id\}/, 'one')))];
  for (const path of [...paths, '/v1/streams/one'])
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
      for (const key of ['', bearer(testKey), bearer(testAdminKey), bearer('tr_unknown')])
        await send(request(method, `${path}?${query}`, key));
  expect(lines().length).toBeGreaterThan(400);
  expectNone(lines());
});

it('no line and no answer of an unknown path has it, however a client has written it into the path', async () => {
  const before = lines().length;
  const targets = [
    `/streams/one?${query}`,
    `/streams/one;${query}`,
    `/v1/models;${query}/x/y`,
    `/v1/v1/streams/one&${query}`,
    `/v1/streams/one/${query}`,
    `/v1/streams/one%3F${query}`,
    `/v1/streams/one%3F${encodeURIComponent(query)}`,
    `/v1/streams/one%253F${encodeURIComponent(encodeURIComponent(query))}`,
    `/v1/streams/one${escaped(`?${query}`)}`,
    `/${'x'.repeat(160)}/&${query}`,
    `/livez;${query}`,
    `/%zz${query}`,
    `http://evil.example/v1/streams/one?${query}`,
    `http://evil.example/v1/streams/one;${query}`,
  ];
  const answers: string[] = [];
  for (const target of targets)
    for (const method of ['GET', 'PUT']) answers.push(await send(request(method, target)));
  expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 404'))).not.toEqual([]);
  await expect.poll(() => lines().length).toBe(before + 2 * targets.length);
  expectNone([...lines(), ...answers]);
});

it('no line of a malformed request has it, nor one of a header that is logged', async () => {
  const address = `/v1/streams/one?${query}`;
  const answers = await Promise.all(
    [
      `GET ${address}\r\n\r\n`,
      `GET ${address} HTTP/9.9\r\n\r\n`,
      `G@T ${address} HTTP/1.1\r\n\r\n`,
      `${address}\r\n\r\n`,
      `GET ${address} HTTP/1.1\r\nHost: a\r\n bad\r\n${address}\r\n\r\n`,
      `GET ${address} HTTP/1.1\r\nHost: a\r\n${address}: x\r\n\r\n`,
      `CONNECT ${address} HTTP/1.1\r\nHost: a\r\n\r\n`,
      request('POST', address, `Transfer-Encoding: chunked\r\n`).concat(`${address}\r\n`),
      request('GET', address, `X-Request-Id: ${address}\r\nReferer: http://a${address}\r\n`),
    ].map(send),
  );
  await expect.poll(() => lines().filter((line) => line.includes('malformed')).length).toBeGreaterThan(4);
  expectNone([...lines(), ...answers]);
});
