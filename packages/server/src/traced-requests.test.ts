import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CollectedSpan,
  type FakeCollector,
  startFakeCollector,
} from './telemetry/traces/testing/fake-collector.ts';
import { startTestApp, type TestApp, testKey } from './testing/start-app.ts';
import { chunked, type FakeOrigin, startFakeOrigin } from './transport/fake-origin.ts';

/* Requests through the whole server, and what a collector gets of them. */

const script = `
models: {cut: {}, rest: {}}
answers:
  - when: {model: refuses}
    steps: [{fail: {code: overloaded, message: "too busy, said the planted-upstream-text"}}]
  - when: {model: slow}
    steps: [hang]
  - when: {model: cut}
    steps: [{text: [The answer, " is"]}, {fail: {code: upstream_cut, message: cut}}]
  - when: {model: rest}
    steps: [{text: [The answer, " is", " 42"]}, {usage: {prompt_tokens: 7, completion_tokens: 3, cached_tokens: 2}}]
  - steps: [{text: [planted, -answer]}, {usage: {prompt_tokens: 5, completion_tokens: 2}}]
`;
const trace = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';

let folder: string;
let scriptFile: string;
let collector: FakeCollector;
let app: TestApp;

async function start(more: object = {}, traces: object = {}): Promise<void> {
  app = await startTestApp({
    config: JSON.stringify({
      upstreams: { lab: { kind: 'scripted', script: scriptFile } },
      models: {
        plain: { targets: [{ upstream: 'lab', model: 'plain' }] },
        failing: {
          targets: [
            { upstream: 'lab', model: 'refuses' },
            { upstream: 'lab', model: 'plain', priority: 1 },
          ],
        },
        lost: { targets: [{ upstream: 'lab', model: 'refuses' }] },
        hedged: {
          targets: [
            { upstream: 'lab', model: 'slow' },
            { upstream: 'lab', model: 'plain', priority: 1 },
          ],
          timeouts: { hedge_after: '20ms' },
        },
        cut: { targets: [{ upstream: 'lab', model: 'cut', takeover: 'none' }] },
        'taken-over': {
          targets: [
            { upstream: 'lab', model: 'cut' },
            { upstream: 'lab', model: 'rest', priority: 1, takeover: 'replay' },
          ],
        },
      },
      retry: { per_target: 1 },
      telemetry: { traces: { endpoint: collector.url, ...traces } },
      ...more,
    }),
    files: { [scriptFile]: '' },
  });
}

interface Asked {
  readonly model?: string;
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask({ model = 'plain', stream = true, headers = {} }: Asked = {}): Promise<string> {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model,
      stream,
      temperature: 1,
      messages: [{ role: 'user', content: 'a planted-question' }],
    }),
  });
  return await response.text();
}

/** Stops the server, which sends its last spans; the server spans first, each followed by its attempts. */
async function collected(): Promise<{
  readonly servers: CollectedSpan[];
  readonly clients: CollectedSpan[];
}> {
  await app.stop();
  const byStart = collector.spans.toSorted((a, b) =>
    Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)),
  );
  return {
    servers: byStart.filter(({ kind }) => kind === 2),
    clients: byStart.filter(({ kind }) => kind === 3),
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-traced-'));
  scriptFile = join(folder, 'answers.yaml');
  await writeFile(scriptFile, script);
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  collector = await startFakeCollector();
});

afterEach(async () => {
  await app.stop();
  await collector.close();
});

describe('the spans of a request', () => {
  it('are one of the server and one of the attempt, with the names of the conventions and no text of the chat', async () => {
    await start();
    const answer = await ask();
    const [id] = /chatcmpl-[\w-]+/.exec(answer) ?? [];
    const { servers, clients } = await collected();

    expect([servers.length, clients.length]).toEqual([1, 1]);
    const [server] = servers;
    const [attempt] = clients;
    const logged = app.logged().find(({ msg }) => msg === 'request');
    expect(server).toMatchObject({
      name: 'POST /v1/chat/completions',
      status: {},
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/chat/completions',
        'http.response.status_code': 200,
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'plain',
        'gen_ai.response.id': id,
        'gen_ai.usage.input_tokens': 5,
        'gen_ai.usage.output_tokens': 2,
        'tailrace.outcome': 'completed',
        'tailrace.request_id': logged?.['request_id'],
        'tailrace.key_id': logged?.['key_id'],
        'tailrace.owner': 'default',
      },
    });
    expect(server?.parentSpanId).toBeUndefined();
    expect(logged).toMatchObject({ trace_id: server?.traceId, span_id: server?.spanId });
    expect(attempt).toMatchObject({
      traceId: server?.traceId,
      parentSpanId: server?.spanId,
      name: 'chat plain',
      status: {},
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'tailrace',
        'gen_ai.request.model': 'plain',
        'gen_ai.request.stream': true,
        'gen_ai.request.temperature': 1,
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.response.time_to_first_chunk': expect.any(Number),
        'gen_ai.usage.input_tokens': 5,
        'gen_ai.usage.output_tokens': 2,
        'tailrace.target': 'lab/plain',
        'tailrace.attempt.mode': 'first',
        'tailrace.attempt.outcome': 'served',
      },
    });
    expect(BigInt(attempt?.startTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(
      BigInt(server?.startTimeUnixNano ?? 0),
    );
    expect(BigInt(server?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(
      BigInt(attempt?.endTimeUnixNano ?? 0),
    );
    expect(collector.bodies.join()).not.toContain('planted');
    expect(collector.bodies.join()).not.toContain(testKey);
  });

  it('show each attempt of a failover with its outcome, and none of what the upstream said', async () => {
    await start();
    await ask({ model: 'failing', stream: false });
    const { clients } = await collected();
    expect(
      clients.map(({ attributes, status }) => [
        attributes['tailrace.target'],
        attributes['tailrace.attempt.outcome'],
        attributes['error.type'],
        status.code,
      ]),
    ).toEqual([
      ['lab/refuses', 'failed', 'overloaded', 2],
      ['lab/plain', 'served', undefined, undefined],
    ]);
    expect(collector.bodies.join()).not.toContain('planted-upstream-text');
  });

  it('show a hedge beside the slow attempt that lost, which is no error', async () => {
    await start();
    await ask({ model: 'hedged' });
    const { clients } = await collected();
    expect(
      clients.map(({ attributes, status }) => [
        attributes['tailrace.attempt.mode'],
        attributes['tailrace.attempt.outcome'],
        status.code,
      ]),
    ).toEqual([
      ['first', 'lost', undefined],
      ['hedge', 'served', undefined],
    ]);
  });

  it('show a takeover after a cut', async () => {
    await start();
    await ask({ model: 'taken-over' });
    const { servers, clients } = await collected();
    expect(
      clients.map(({ attributes }) => [
        attributes['tailrace.attempt.mode'],
        attributes['tailrace.attempt.outcome'],
        attributes['error.type'],
      ]),
    ).toEqual([
      ['first', 'failed', 'upstream_cut'],
      ['replay', 'served', undefined],
    ]);
    expect(clients[1]?.attributes).toMatchObject({ 'gen_ai.usage.cache_read.input_tokens': 2 });
    expect(servers[0]).toMatchObject({
      status: {},
      attributes: { 'tailrace.outcome': 'completed', 'tailrace.attempts': 2 },
    });
  });

  it.each([
    ['cut', 'cut', 'upstream_cut', 2],
    ['lost', 'failed', 'overloaded', 2],
    ['nowhere', 'refused', 'model_not_found', undefined],
  ])('show that a request for %s ended as %s', async (model, outcome, code, status) => {
    await start();
    await ask({ model });
    const { servers } = await collected();
    expect(servers[0]?.attributes).toMatchObject({ 'tailrace.outcome': outcome, 'error.type': code });
    expect(servers[0]?.status.code).toBe(status);
  });

  it('of a reader that picks a stream up name the span that writes it', async () => {
    await start();
    const response = await fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${testKey}`,
        'content-type': 'application/json',
        'tailrace-resumable': 'true',
      },
      body: JSON.stringify({ model: 'plain', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
    });
    const id = response.headers.get('tailrace-completion-id');
    await response.text();
    for (const path of [`/v1/chat/completions/${id}/events`, `/v1/streams/${id}?offset=-1`]) {
      await (await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${testKey}` } })).text();
    }
    const { servers } = await collected();
    const [post, ...readers] = servers;
    expect(readers.map(({ name }) => name)).toEqual([
      'GET /v1/chat/completions/{id}/events',
      'GET /v1/streams/{id}',
    ]);
    for (const reader of readers) {
      expect(reader.traceId).not.toBe(post?.traceId);
      expect(reader.links).toMatchObject([{ traceId: post?.traceId, spanId: post?.spanId }]);
    }
  });
});

describe('the trace of a client', () => {
  it('goes on through the server, and on to the upstream of each attempt', async () => {
    const heads: string[] = [];
    const origin: FakeOrigin = await startFakeOrigin(({ socket, head }) => {
      heads.push(head);
      if (heads.length === 1) socket.write('HTTP/1.1 503 X\r\ncontent-length: 2\r\n\r\n{}');
      else
        socket.write(
          chunked([
            `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }] })}\n\n`,
          ]),
        );
    });
    try {
      await start(
        {
          upstreams: {
            one: { kind: 'openai', preset: 'vllm', base_url: `${origin.url.origin}/v1` },
            two: { kind: 'openai', base_url: `${origin.url.origin}/v1` },
          },
          models: {
            plain: {
              targets: [
                { upstream: 'one', model: 'm1' },
                { upstream: 'two', model: 'm2', priority: 1 },
              ],
            },
          },
        },
        { baggage: ['tenant'] },
      );
      await ask({
        headers: {
          traceparent: `00-${trace}-${caller}-01`,
          tracestate: 'vendor=opaque',
          baggage: 'tenant=acme;p=1, secret=not-for-upstreams',
        },
      });
      const { servers, clients } = await collected();
      expect(servers[0]).toMatchObject({
        traceId: trace,
        parentSpanId: caller,
        traceState: 'vendor=opaque',
        flags: 0x301,
      });
      expect(clients).toHaveLength(2);
      expect(clients[0]?.attributes).toMatchObject({
        'gen_ai.provider.name': 'vllm',
        'server.address': '127.0.0.1',
        'server.port': Number(origin.url.port),
      });
      expect(clients[1]?.attributes).toMatchObject({ 'gen_ai.provider.name': 'openai_compatible' });
      for (const [at, { spanId }] of clients.entries()) {
        expect(heads[at]).toContain(`\r\ntraceparent: 00-${trace}-${spanId}-01\r\n`);
        expect(heads[at]).toContain('\r\ntracestate: vendor=opaque\r\n');
        expect(heads[at]).toContain('\r\nbaggage: tenant=acme;p=1\r\n');
      }
    } finally {
      await origin.close();
    }
  });

  it('that is not sampled is not collected, whatever share this server samples', async () => {
    await start();
    await ask({ headers: { traceparent: `00-${trace}-${caller}-00` } });
    await collected();
    expect(collector.spans).toEqual([]);
    expect(app.logged().find(({ msg }) => msg === 'request')).not.toHaveProperty('trace_id');
  });

  it('that is sampled is collected where this server samples nothing by itself', async () => {
    await start({}, { sample: 0 });
    await ask();
    await ask({ headers: { traceparent: `00-${trace}-${caller}-01` } });
    const { servers, clients } = await collected();
    expect([...servers, ...clients].map(({ traceId }) => traceId)).toEqual([trace, trace]);
  });
});

describe('a collector that does not do its part', () => {
  it.each([
    [
      'refuses every batch',
      (_: unknown, response: { writeHead(status: number): { end(): void } }) => response.writeHead(400).end(),
    ],
    ['never answers', () => {}],
    [
      'answers with garbage',
      (_: unknown, response: { socket: { end(text: string): void } | null }) =>
        response.socket?.end('\u0000\u0001 what'),
    ],
  ] as const)('but %s holds no stream up, and not the end of the server', async (_name, answer) => {
    await start();
    collector.answer(answer as Parameters<FakeCollector['answer']>[0]);
    expect(await ask()).toContain('[DONE]');
    await app.stop();
    expect(
      app.logged().filter(({ level, msg }) => level === 'warn' && String(msg).includes('collector')),
    ).toHaveLength(1);
  });
});
