// The bytes of a stream, as the contract's section 3 has them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawResponse } from '../support/http-bytes.ts';
import { untilNoneLive } from '../support/live-streams.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectOneEventAWrite, expectTrueStream } from '../support/stream-check.ts';
import { expectRefusal, type Fields, labServer, startChat } from './wire-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer(labServer({ stream: { keepalive_after: '100ms', hold_head: '400ms' } }));
});
afterAll(async () => {
  await server?.stop();
});

async function stream(fields: Fields): Promise<RawResponse> {
  await using connection = await startChat(server, { stream: true, ...fields });
  return await connection.response();
}

describe('the head of a stream', () => {
  const required = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'transfer-encoding': 'chunked',
    'tailrace-target': expect.stringMatching(/^lab\/plain$/),
    'tailrace-completion-id': expect.stringMatching(/^chatcmpl-/),
    'x-request-id': expect.stringMatching(/\S/),
  };
  const allowed =
    /^(date|connection|keep-alive|vary|x-ratelimit-(limit|remaining|reset)-(requests|tokens)|access-control-.+)$/;

  test('has the headers of the contract and no others', async () => {
    const { status, headers } = await stream({ model: 'lab/plain' });
    expect(status).toBe(200);
    const given = headers.map(([name, value]) => [name.toLowerCase(), value] as const);
    expect(new Set(given.map(([name]) => name)).size, 'no header twice').toBe(given.length);
    const others = given.filter(([name]) => !Object.hasOwn(required, name));
    expect(Object.fromEntries(given)).toMatchObject(required);
    expect(others.map(([name]) => name).filter((name) => !allowed.test(name))).toEqual([]);
  });

  test('carries an id of our own, not the client’s', async () => {
    const first = await stream({ model: 'lab/plain' });
    const second = await stream({ model: 'lab/plain' });
    expect(first.header('x-request-id')).not.toBe(second.header('x-request-id'));
  });
});

describe('the body of a stream', () => {
  test.each(['lab/plain', 'lab/paced', 'lab/json'])('keeps the grammar (%s)', async (model) => {
    const { body } = await stream({ model });
    expect(expectTrueStream(body).complete).toBe(true);
  });

  test('is ASCII for any text, and decodes to that text', async () => {
    const response = await stream({ model: 'lab/paced' });
    expect(response.body.every((byte) => byte < 0x80 && byte !== 0x0d)).toBe(true);
    const summary = expectTrueStream(response.body);
    expect(summary.choices[0]?.content).toBe('Über die Brücke 日本 😀\n\ndata: [DONE]');
  });

  test('has one event in each write', async () => {
    const response = await stream({ model: 'lab/paced' });
    expect(response.chunks.length).toBeGreaterThanOrEqual(5);
    expectOneEventAWrite(response);
  });

  test('ends with [DONE] and the last chunk in one write', async () => {
    await using connection = await startChat(server, { stream: true, model: 'lab/paced' });
    await connection.response();
    const last = connection.reads().at(-1)?.toString('latin1');
    expect(last).toMatch(/data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
  });

  test('carries usage on the finish chunk with and without include_usage', async () => {
    for (const options of [{}, { stream_options: { include_usage: true } }]) {
      const { usage } = expectTrueStream((await stream({ model: 'lab/plain', ...options })).body);
      expect(usage?.total_tokens).toBeGreaterThan(0);
    }
  });

  test('is the same text without streaming', async () => {
    const streamed = expectTrueStream((await stream({ model: 'lab/paced' })).body);
    await using connection = await startChat(server, { model: 'lab/paced' });
    const response = await connection.response();
    expect(response.header('content-type')).toMatch(/^application\/json/);
    const whole = JSON.parse(response.body.toString('utf8'));
    expect(whole).toMatchObject({
      object: 'chat.completion',
      id: expect.stringMatching(/^chatcmpl-/),
      model: 'lab/paced',
      system_fingerprint: expect.any(String),
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: streamed.choices[0]?.content, refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: streamed.usage,
    });
  });

  test('names the model that was asked for, by alias or id', async () => {
    expect(expectTrueStream((await stream({ model: 'default' })).body).model).toBe('default');
    expect(expectTrueStream((await stream({ model: 'lab/plain' })).body).model).toBe('lab/plain');
  });

  test('fills silence with comments', async () => {
    const { body } = await stream({ model: 'lab/silent' });
    expect(expectTrueStream(body).keepalives).toBeGreaterThanOrEqual(2);
  });
});

describe('a failure', () => {
  test('before any output is a plain HTTP error', async () => {
    const error = expectRefusal(await stream({ model: 'lab/refused' }), 502, 'upstream_refused');
    expect(error.type).toBe('upstream_error');
  });

  test('says how long to wait where that is known', async () => {
    const response = await stream({ model: 'lab/rate-limited' });
    expectRefusal(response, 429, 'rate_limit_exceeded');
    expect(response.header('retry-after')).toBe('3');
    expect(response.header('retry-after-ms')).toBe('3000');
  });

  test('after the head is an error event, though there was no output', async () => {
    const response = await stream({ model: 'lab/late-refusal' });
    expect(response.status).toBe(200);
    const summary = expectTrueStream(response.body);
    expect(summary.error).toMatchObject({
      code: 'upstream_refused',
      requestId: response.header('x-request-id'),
    });
    expect(summary.events).toBe(1);
  });

  test('after the same pause without streaming is a plain HTTP error', async () => {
    await using connection = await startChat(server, { model: 'lab/late-refusal' });
    expectRefusal(await connection.response(), 502, 'upstream_refused');
  });

  test('in mid-stream is an error event and the end, without finish and without [DONE]', async () => {
    const response = await stream({ model: 'lab/cut' });
    expect(response.status).toBe(200);
    expect(response.body.toString('latin1')).not.toContain('[DONE]');
    const summary = expectTrueStream(response.body);
    expect(summary.choices[0]?.content).toBe('Rivers carry ');
    expect(summary.error).toMatchObject({
      code: 'upstream_cut',
      type: 'upstream_error',
      param: null,
      requestId: response.header('x-request-id'),
    });
  });

  test('in mid-stream without streaming is a plain HTTP error, not half an answer', async () => {
    await using connection = await startChat(server, { model: 'lab/cut' });
    expectRefusal(await connection.response(), 502, 'upstream_cut');
  });
});

test('nothing is left running after all this', async () => {
  await untilNoneLive(server);
});
