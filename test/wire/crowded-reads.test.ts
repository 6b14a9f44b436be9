// Connections that send very many small requests, or very many small chunks, in one write.

import { connect as connectSocket, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { livezWithinMs } from '../support/livez-watch.ts';
import { connect, requestBytes } from '../support/raw-connection.ts';
import { expectTrueStream } from '../support/stream-check.ts';
import { until } from '../support/until.ts';
import { watchLab } from './watched-lab.ts';
import { chatBytes, exchange, expectRefusal, messages } from './wire-client.ts';

const patienceMs = 60_000;

const lab = watchLab();

interface Flood {
  readonly socket: Socket;
  /** Status lines that have come. */
  answers(): number;
  received(): string;
}

/** Connections that have sent nothing yet. The caller destroys their sockets. */
async function floods(count: number): Promise<Flood[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connectSocket({ port: lab.server.port, host: '127.0.0.1' });
      const parts: string[] = [];
      socket.on('data', (bytes) => parts.push(bytes.toString('latin1')));
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      const received = () => parts.join('');
      return { socket, received, answers: () => received().split('HTTP/1.1 ').length - 1 };
    }),
  );
}

/** All of them send at the same moment, and wait for so many answers each. */
async function flood(
  count: number,
  bytes: string,
  answers: number,
  patience: () => Promise<void>,
): Promise<string[]> {
  const open = await floods(count);
  try {
    for (const one of open) one.socket.write(bytes);
    await patience();
    await until('all answers', patienceMs, () => open.every((one) => one.answers() >= answers) || undefined);
    return open.map((one) => one.received());
  } finally {
    for (const one of open) one.socket.destroy();
  }
}

/** Sent with the admin's key, not with the key of the floods. */
async function expectOtherKeyServed(): Promise<void> {
  const headers = { Authorization: `Bearer ${lab.server.adminKey}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ model: 'lab/plain', messages });
  const response = await exchange(lab.server, requestBytes({ path: '/v1/chat/completions', headers, body }));
  expect(response.status).toBe(200);
}

describe('sixty connections at once', () => {
  test('of 1,000 pipelined requests each: all are answered, and no other request waits for them', async () => {
    const one = 'GET /livez HTTP/1.1\r\nhost:\r\n\r\n';
    const waitedMs = await lab.watch.worstMsDuring(livezWithinMs, async () => {
      const received = await flood(60, one.repeat(1_000), 1_000, expectOtherKeyServed);
      for (const text of received) expect(text.split('HTTP/1.1 200 ').length - 1).toBe(1_000);
    });
    expect(waitedMs).toBeLessThan(livezWithinMs);
  });

  test.each([
    ['without a key', '', 401],
    ['with a key', 'key', 400],
  ])(
    'of 20,000 chunks of a byte each, %s: all are refused, and nothing else waits',
    async (_, key, status) => {
      const authorization = key === '' ? '' : `Authorization: Bearer ${lab.server.apiKey}\r\n`;
      const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const waitedMs = await lab.watch.worstMsDuring(livezWithinMs, async () => {
        const received = await flood(60, head + '1\r\n \r\n'.repeat(20_000), 1, expectOtherKeyServed);
        for (const text of received) expect(text.slice(9, 12)).toBe(String(status));
      });
      expect(waitedMs).toBeLessThan(livezWithinMs);
    },
  );
});

test('a stream and 300 requests behind it in one write are answered whole and in order, then a broken one', async () => {
  await using connection = await connect(lab.server.port);
  const stream = chatBytes(lab.server, { model: 'lab/paced', stream: true });
  const behind = Array.from(
    { length: 300 },
    (_, index) => `GET /nowhere/${index} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  connection.send(Buffer.concat([stream, Buffer.from(`${behind.join('')}no request\r\n\r\n`)]));
  expect(await connection.untilClosed()).toBe('end');
  const responses = connection.responses();
  expect(responses).toHaveLength(302);
  expect(expectTrueStream(responses[0]?.body ?? Buffer.alloc(0)).complete).toBe(true);
  for (const [index, response] of responses.slice(1, -1).entries()) {
    expect(expectRefusal(response, 404, 'unknown_url').message).toContain(`/nowhere/${index}`);
  }
  for (const last of responses.slice(-1)) expectRefusal(last, 400, 'invalid_value');
});
