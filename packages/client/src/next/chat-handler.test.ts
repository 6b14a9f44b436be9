import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ChatHandler, type ChatHandlerOptions, createChatHandler } from './chat-handler.ts';
import { type FakeChatServer, fakeChatServer, type Sent } from './fake-chat-server.ts';

const route = 'https://app.example/api/chat';
const signature = 'a'.repeat(64);
const streamUrl = `http://internal:7245/v1/streams/chatcmpl-x_Y-9?expires=1800000000&signature=${signature}`;
const address = `completion=chatcmpl-x_Y-9&expires=1800000000&signature=${signature}`;
const messages = [{ role: 'user', content: 'Hi' }];
const sse = 'data: {"choices":[]}\n\ndata: [DONE]\n\n';

interface Given extends ChatHandlerOptions {
  readonly answer?: () => Response | Promise<Response>;
}

function handlerOf({ answer = () => streamed(), ...options }: Given = {}): ChatHandler & FakeChatServer {
  const server = fakeChatServer(answer);
  const handler = createChatHandler({
    apiKey: 'tr_secret',
    baseURL: 'http://internal:7245/v1/',
    fetch: server.fetch,
    ...options,
  });
  return { ...server, ...handler };
}

function streamed(headers: Record<string, string> = {}): Response {
  return new Response(sse, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'tailrace-completion-id': 'chatcmpl-x_Y-9',
      'tailrace-stream-url': streamUrl,
      'x-request-id': 'req_1',
      ...headers,
    },
  });
}

function post(body: unknown, init: RequestInit = {}, url = route): Request {
  return new Request(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
  });
}

const only = ({ sent }: FakeChatServer): Sent => {
  expect(sent).toHaveLength(1);
  return sent[0] as Sent;
};
const errorOf = async (response: Response): Promise<unknown> => {
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
};

describe('a new answer', () => {
  test('is asked for with the key of the app, resumable, with no header of the page but those of the protocol', async () => {
    const handler = handlerOf();
    const headers = {
      cookie: 'session=1',
      authorization: 'Bearer of-the-page',
      'x-api-key': 'of-the-page',
      'idempotency-key': 'k1',
    };
    await handler.POST(post({ messages }, { headers }));
    const { url, method, headers: given, body } = only(handler);
    expect([method, url]).toEqual(['POST', 'http://internal:7245/v1/chat/completions']);
    expect(body).toEqual({ model: 'default', stream: true, messages });
    expect(Object.fromEntries(given)).toEqual({
      'accept-encoding': 'identity',
      authorization: 'Bearer tr_secret',
      'content-type': 'application/json',
      'idempotency-key': 'k1',
      'tailrace-resumable': 'true',
    });
  });

  test('passes with its status, its bytes and the headers of the protocol, and nothing else', async () => {
    const handler = handlerOf({
      answer: () =>
        streamed({
          'set-cookie': 'a=b',
          'content-encoding': 'gzip',
          'content-length': '999',
          connection: 'keep-alive',
          'tailrace-target': 'internal/llama',
          'x-ratelimit-remaining-requests': '7',
          'access-control-allow-origin': '*',
        }),
    });
    const response = await handler.POST(post({ messages }));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(sse);
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'no-cache, no-transform',
      'content-type': 'text/event-stream; charset=utf-8',
      'tailrace-completion-id': 'chatcmpl-x_Y-9',
      'tailrace-stream-url': `?${address}`,
      'x-content-type-options': 'nosniff',
      'x-ratelimit-remaining-requests': '7',
      'x-request-id': 'req_1',
    });
  });

  test('has an address beside the parameters that the route of the app has itself', async () => {
    const handler = handlerOf();
    const response = await handler.POST(post({ messages }, {}, `${route}?tenant=a%26b&offset=3`));
    const { searchParams } = new URL(
      response.headers.get('tailrace-stream-url') ?? '',
      response.url || route,
    );
    expect(Object.fromEntries(searchParams)).toEqual({
      tenant: 'a&b',
      completion: 'chatcmpl-x_Y-9',
      expires: '1800000000',
      signature,
    });
  });

  test.each([
    'http://internal/v1/streams/../../x?expires=1&signature=a',
    `http://internal/v1/streams/a%2Fb?expires=1&signature=${signature}`,
    'nonsense',
  ])('has no address where the server has sent the odd one %s', async (odd) => {
    const handler = handlerOf({ answer: () => streamed({ 'tailrace-stream-url': odd }) });
    expect((await handler.POST(post({ messages }))).headers.has('tailrace-stream-url')).toBe(false);
  });

  test('takes of a page its messages only, so that it cannot choose model, tools or length', async () => {
    const handler = handlerOf({ model: 'acme/small' });
    await handler.POST(post({ messages, model: 'acme/dear', max_tokens: 9e9, tools: [{}], n: 50 }));
    expect(only(handler).body).toEqual({ model: 'acme/small', stream: true, messages });
  });

  test('is what the app prepares of the request', async () => {
    const handler = handlerOf({
      model: 'acme/small',
      prepare: ({ messages, tone }, request) => ({
        messages,
        temperature: tone === 'dry' ? 0 : 1,
        user: request.headers.get('x-user') ?? '',
      }),
    });
    await handler.POST(post({ messages, tone: 'dry' }, { headers: { 'x-user': 'ann' } }));
    expect(only(handler).body).toEqual({
      model: 'acme/small',
      stream: true,
      messages,
      temperature: 0,
      user: 'ann',
    });
  });

  test('is not asked for where the app answers by itself', async () => {
    const handler = handlerOf({ prepare: () => new Response('Not that.', { status: 422 }) });
    const response = await handler.POST(post({ messages }));
    expect([response.status, handler.sent.length]).toEqual([422, 0]);
  });

  test('begins with the instructions of the app, and a page cannot bring others', async () => {
    const handler = handlerOf({ system: 'Be short.' });
    await handler.POST(post({ messages }));
    expect(only(handler).body).toMatchObject({
      messages: [{ role: 'system', content: 'Be short.' }, ...messages],
    });
    for (const role of ['system', 'developer']) {
      const refused = await handler.POST(post({ messages: [...messages, { role, content: 'No.' }] }));
      expect(await errorOf(refused)).toEqual([400, 'invalid_value', 'messages[1].role']);
    }
  });

  test('may be one JSON answer, which is never resumable', async () => {
    const handler = handlerOf({ answer: () => Response.json({ id: 'chatcmpl-1' }) });
    const response = await handler.POST(post({ messages, stream: false }));
    expect(await response.json()).toEqual({ id: 'chatcmpl-1' });
    expect(only(handler).headers.has('tailrace-resumable')).toBe(false);
  });

  test('is not resumable where the app does not want it', async () => {
    const handler = handlerOf({ resumable: false });
    await handler.POST(post({ messages }));
    expect(only(handler).headers.has('tailrace-resumable')).toBe(false);
  });

  test('comes also where the server cannot keep it, unless it is to be picked up', async () => {
    const answer = (): Response => Response.json({ error: { code: 'storage_unavailable' } }, { status: 503 });
    const handler = handlerOf({ answer });
    const key = { 'idempotency-key': 'k1' };
    expect((await handler.POST(post({ messages }, { headers: key }))).status).toBe(503);
    expect(handler.sent.map(({ headers }) => headers.has('tailrace-resumable'))).toEqual([true, false]);
    await handler.POST(post({ messages }, { headers: { ...key, 'last-event-id': '3' } }));
    expect(handler.sent).toHaveLength(3);
  });

  test('is picked up by the same request with the number of its last event', async () => {
    const handler = handlerOf();
    await handler.POST(post({ messages }, { headers: { 'last-event-id': '12', 'idempotency-key': 'k1' } }));
    const { headers } = only(handler);
    expect([headers.get('last-event-id'), headers.get('idempotency-key')]).toEqual(['12', 'k1']);
  });
});

describe('a stream that goes on', () => {
  test('is read at the server, without a key, from where the page says', async () => {
    const handler = handlerOf();
    const asked = `${route}?${address}&offset=000000000007&live=sse&cursor=5&url=http://evil.example&foo=1`;
    const response = await handler.GET(
      new Request(asked, { headers: { cookie: 'a=b', 'if-none-match': '"e"' } }),
    );
    const { url, method, headers } = only(handler);
    expect([method, url]).toEqual(['GET', `${streamUrl}&offset=000000000007&live=sse&cursor=5`]);
    expect(Object.fromEntries(headers)).toEqual({ 'accept-encoding': 'identity', 'if-none-match': '"e"' });
    expect(await response.text()).toBe(sse);
  });

  test('is read after the last event of a reader that sends its number in a header', async () => {
    const handler = handlerOf();
    await handler.GET(new Request(`${route}?${address}`, { headers: { 'last-event-id': '7' } }));
    expect(only(handler).url).toBe(`${streamUrl}&offset=000000000007&live=sse`);
  });

  test('is stopped at its address', async () => {
    const handler = handlerOf({ answer: () => new Response(null, { status: 204 }) });
    const response = await handler.DELETE(new Request(`${route}?${address}`, { method: 'DELETE' }));
    expect([response.status, only(handler).method, only(handler).url]).toEqual([204, 'DELETE', streamUrl]);
    expect(only(handler).headers.has('authorization')).toBe(false);
  });

  test.each([
    ['no address', ''],
    ['an id that leads elsewhere', `completion=..%2F..%2Fadmin&expires=1&signature=${signature}`],
    ['an id with a host', `completion=%2F%2Fevil.example&expires=1&signature=${signature}`],
    ['an empty id', `completion=&expires=1&signature=${signature}`],
    ['no signature', 'completion=chatcmpl-1&expires=1'],
    ['a signature of another form', `completion=chatcmpl-1&expires=1&signature=${signature.toUpperCase()}`],
    ['an expiry that is no number', `completion=chatcmpl-1&expires=1%26x=2&signature=${signature}`],
  ])('is not asked for with %s', async (_, query) => {
    const handler = handlerOf();
    for (const method of ['GET', 'DELETE'] as const) {
      const response = await handler[method](new Request(`${route}?${query}`, { method }));
      expect(await errorOf(response)).toEqual([404, 'completion_not_found', null]);
    }
    expect(handler.sent).toHaveLength(0);
  });
});

describe('a refusal', () => {
  test('passes with status, envelope, request id and when to come back', async () => {
    const error = {
      message: 'Slow down.',
      type: 'rate_limit_error',
      param: null,
      code: 'rate_limit_exceeded',
    };
    const handler = handlerOf({
      answer: () =>
        Response.json(
          { error },
          { status: 429, headers: { 'retry-after': '3', 'retry-after-ms': '2500', 'x-request-id': 'req_2' } },
        ),
    });
    const response = await handler.POST(post({ messages }));
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ error });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'retry-after': '3',
      'retry-after-ms': '2500',
      'x-request-id': 'req_2',
    });
  });

  test.each([
    [
      'of the app’s key',
      () => Response.json({ error: { message: 'key tr_secret' } }, { status: 401 }),
      'upstream_auth',
    ],
    [
      'that is a page',
      () => new Response('<script>', { headers: { 'content-type': 'text/html' } }),
      'upstream_protocol',
    ],
    ['that leads elsewhere', () => Response.redirect('http://evil.example/', 307), 'upstream_protocol'],
    [
      'by silence',
      () => Promise.reject(new TypeError('connect ECONNREFUSED internal:7245')),
      'upstream_refused',
    ],
  ])('%s says nothing of the server behind the app', async (_, answer, code) => {
    const response = await handlerOf({ answer }).POST(post({ messages }));
    const text = await response.clone().text();
    expect(await errorOf(response)).toEqual([502, code, null]);
    expect(text).not.toMatch(/secret|internal|evil|script/);
  });

  test.each([
    ['no JSON', post('{"messages":'), 400, 'invalid_json', null],
    [
      'text that is not UTF-8',
      post({}, { body: new Uint8Array([0x22, 0xff, 0x22]) }),
      400,
      'invalid_json',
      null,
    ],
    ['a list', post([]), 400, 'invalid_type', null],
    ['no messages', post({ model: 'x' }), 400, 'missing_parameter', 'messages'],
    ['messages that are no list', post({ messages: 'Hi' }), 400, 'invalid_type', 'messages'],
    ['a message that is none', post({ messages: [null] }), 400, 'invalid_type', 'messages[0]'],
    [
      'a form',
      post('{}', { headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported_media_type',
      null,
    ],
    ['too much', post({ messages, more: 'x'.repeat(1000) }), 413, 'body_too_large', null],
  ])('meets a request with %s', async (_, request, status, code, param) => {
    const handler = handlerOf({ maxBodyBytes: 500 });
    expect(await errorOf(await handler.POST(request))).toEqual([status, code, param]);
    expect(handler.sent).toHaveLength(0);
  });

  test('meets a body without end as soon as it is too long', async () => {
    let cancelled = false;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1000)),
      cancel: () => {
        cancelled = true;
      },
    });
    const response = await handlerOf().POST(post('', { body, duplex: 'half' } as RequestInit));
    expect([response.status, cancelled]).toEqual([413, true]);
  });

  test('of the app comes before everything else, for every method', async () => {
    // JavaScript may forget to return a verdict.
    const answers = [false, undefined as unknown as boolean, new Response('No.', { status: 403 })] as const;
    for (const verdict of answers) {
      const handler = handlerOf({ authorize: async () => verdict });
      const status = verdict instanceof Response ? 403 : 401;
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        const request = new Request(`${route}?${address}`, { method });
        expect((await handler[method](request)).status).toBe(status);
        expect(request.bodyUsed).toBe(false);
      }
      expect(handler.sent).toHaveLength(0);
    }
  });
});

describe('a page that leaves', () => {
  test('ends the request to the server by its signal', async () => {
    const page = new AbortController();
    const silent = Promise.withResolvers<Response>();
    const handler = handlerOf({ answer: () => silent.promise });
    const answered = handler.POST(post({ messages }, { signal: page.signal }));
    await expect.poll(() => handler.sent.length).toBe(1);
    expect(only(handler).signal?.aborted).toBe(false);
    page.abort();
    expect(only(handler).signal?.aborted).toBe(true);
    silent.reject(page.signal.reason);
    await expect(answered).rejects.toBe(page.signal.reason);
  });

  test('ends the answer of the server by cancelling its own', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream({ cancel: () => resolve() });
    const headers = { 'content-type': 'text/event-stream' };
    const handler = handlerOf({ answer: () => new Response(body, { headers }) });
    await (await handler.POST(post({ messages }))).body?.cancel();
    await promise;
  });
});

test('a slow page holds the server back: no more is read than is taken', async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled += 1;
        controller.enqueue(new TextEncoder().encode(`data: ${pulled}\n\n`));
      },
    },
    { highWaterMark: 0 },
  );
  const handler = handlerOf({
    answer: () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  });
  const reader = (await handler.POST(post({ messages }))).body?.getReader();
  for (let taken = 1; taken <= 3; taken += 1) {
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(`data: ${taken}\n\n`);
    expect(pulled).toBeLessThanOrEqual(taken + 1);
  }
});

describe('what the developer of the app gets on the console', () => {
  const spy = () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    vi.stubEnv('TAILRACE_API_KEY', '');
    onTestFinished(() => {
      error.mockRestore();
      vi.unstubAllEnvs();
    });
    return error;
  };
  const refused = () => Response.json({ error: { message: 'tr_secret is wrong' } }, { status: 401 });

  test.each(['sse', 'text'] as const)(
    'a key that is refused: once, without the key, and nothing of it for the page (%s)',
    async (format) => {
      const error = spy();
      const baseURL = `http://refusing-${format}:7245/v1`;
      const handler = handlerOf({ answer: refused, baseURL, format });
      for (let times = 0; times < 2; times += 1) {
        const answer = await handler.POST(post({ messages }));
        expect(answer.status).toBe(502);
        expect(await answer.text()).not.toMatch(/refusing|tr_secret|TAILRACE/);
      }
      expect(error.mock.calls).toEqual([
        [expect.stringContaining(`${baseURL} does not accept the key of this app`)],
      ]);
      expect(error.mock.calls.join()).not.toContain('tr_secret');
    },
  );

  test('no key at all, also for a server of the internet: an answer, no exception', async () => {
    const error = spy();
    const handler = handlerOf({ answer: refused, apiKey: undefined, baseURL: 'https://ai.example.org/v1' });
    expect((await handler.POST(post({ messages }))).status).toBe(502);
    expect(error.mock.calls).toEqual([[expect.stringContaining('wants a key, and this app has none')]]);
  });

  test('a server that cannot be reached, with the reason', async () => {
    const error = spy();
    const answer = () =>
      Promise.reject(new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND x') }));
    const handler = handlerOf({ answer, baseURL: 'http://away:7245/v1' });
    expect((await handler.POST(post({ messages }))).status).toBe(502);
    expect(error.mock.calls).toEqual([
      [expect.stringContaining('http://away:7245/v1 cannot be reached: getaddrinfo ENOTFOUND x')],
    ]);
  });

  test('nothing in production', async () => {
    const error = spy();
    vi.stubEnv('NODE_ENV', 'production');
    const handler = handlerOf({ answer: refused, baseURL: 'http://in-production:7245/v1' });
    expect((await handler.POST(post({ messages }))).status).toBe(502);
    expect(error).not.toHaveBeenCalled();
  });
});
