import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeCollector, startFakeCollector } from '../testing/fake-collector.ts';
import { tracesUrl } from './otlp-tracing.ts';
import { createSpanPoster, type SpanPoster } from './post-spans.ts';

let collector: FakeCollector;
let poster: SpanPoster;
const body = '{"resourceSpans":[]}';
const never = new AbortController().signal;

beforeEach(async () => {
  collector = await startFakeCollector();
  poster = createSpanPoster({
    url: tracesUrl(collector.url),
    headers: { authorization: 'Basic abc' },
    totalMs: 500,
  });
});

afterEach(async () => {
  poster.close();
  await collector.close();
});

const answers = (answer: (response: ServerResponse, request: IncomingMessage) => void) =>
  collector.answer((request, response) => answer(response, request));

describe('a batch', () => {
  it('goes to /v1/traces, compressed, with the headers of the configuration', async () => {
    expect(await poster.post(body, never)).toEqual({ type: 'taken', rejected: 0, reason: '' });
    expect(collector.bodies).toEqual([body]);
    expect(collector.requests[0]).toMatchObject({
      method: 'POST',
      url: '/v1/traces',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        authorization: 'Basic abc',
      },
    });
  });

  it('goes to the path of the endpoint where it has one', () => {
    expect(tracesUrl('https://c.example/otlp/v1/traces?a=1').href).toBe(
      'https://c.example/otlp/v1/traces?a=1',
    );
    expect(tracesUrl('http://c.example:4318').href).toBe('http://c.example:4318/v1/traces');
  });

  it('goes over the same connection as the one before', async () => {
    await poster.post(body, never);
    await poster.post(body, never);
    const [one, two] = collector.requests;
    expect(one?.socket).toBe(two?.socket);
  });

  it.each([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after': '86400' }, 60_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('is to be sent again where the answer is 429 with %j', async (headers, retryAfterMs) => {
    answers((response) => response.writeHead(429, headers).end());
    const outcome = await poster.post(body, never);
    expect(outcome).toMatchObject({ type: 'away', reason: 'status 429' });
    expect(outcome).toHaveProperty('type', 'away');
    expect('retryAfterMs' in outcome ? outcome.retryAfterMs : undefined).toBe(retryAfterMs);
  });

  it.each([
    [400, 'refused'],
    [401, 'refused'],
    [500, 'refused'],
    [302, 'refused'],
    [503, 'away'],
    [504, 'away'],
  ])('that is answered with %i is %s', async (status, type) => {
    answers((response) => response.writeHead(status, { location: '/elsewhere' }).end('no'));
    expect(await poster.post(body, never)).toMatchObject({ type, reason: `status ${status}` });
    expect(collector.requests).toHaveLength(1);
  });

  it('that is taken in part says how many spans were rejected', async () => {
    answers((response) =>
      response.writeHead(200).end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'),
    );
    expect(await poster.post(body, never)).toMatchObject({ type: 'taken', rejected: 2 });
  });

  it.each([
    ['garbage', (response: ServerResponse) => void response.writeHead(200).end('\u0000<html>')],
    ['JSON of another form', (response: ServerResponse) => void response.writeHead(200).end('[1, null]')],
    ['null', (response: ServerResponse) => void response.writeHead(200).end('null')],
    [
      'an endless body',
      (response: ServerResponse) => {
        response.writeHead(200);
        response.on('error', () => {});
        const timer = setInterval(() => response.write('x'.repeat(64 * 1024)), 1);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('is taken where the answer is 200 with %s', async (_name, answer) => {
    answers(answer);
    expect(await poster.post(body, never)).toMatchObject({ type: 'taken', rejected: 0 });
  });

  it.each([
    ['never comes', () => {}],
    ['stops in its body', (response: ServerResponse) => void response.writeHead(200).write('{')],
  ])('is away after a while where the answer %s', async (_name, answer) => {
    answers(answer);
    expect(await poster.post(body, never)).toEqual({ type: 'away', reason: 'no answer within 500 ms' });
  });

  it('is away where the connection breaks, is not accepted, or answers no HTTP', async () => {
    answers((response) => response.socket?.destroy());
    expect(await poster.post(body, never)).toMatchObject({ type: 'away', reason: 'ECONNRESET' });
    answers((response) => response.socket?.end('what?\r\n\r\n'));
    expect(await poster.post(body, never)).toMatchObject({ type: 'away', reason: 'HPE_INVALID_CONSTANT' });
    await collector.close();
    expect(await poster.post(body, never)).toMatchObject({ type: 'away', reason: 'ECONNREFUSED' });
  });

  it('ends at once where it is stopped', async () => {
    const stop = new AbortController();
    answers(() => stop.abort());
    expect(await poster.post(body, stop.signal)).toMatchObject({ type: 'away' });
    expect(await poster.post(gunzipSync.name, AbortSignal.abort())).toMatchObject({
      type: 'away',
      reason: 'stopped',
    });
  });
});
