import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { errorClasses } from '../errors/errors.ts';
import * as package_ from '../index.ts';
import { Tailrace } from '../index.ts';

// Whoever runs the tests may have a Tailrace of their own.
beforeEach(() => {
  vi.stubEnv('TAILRACE_API_KEY', undefined);
  vi.stubEnv('TAILRACE_BASE_URL', undefined);
});

const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Request {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server whose n-th request (from 0) is answered by `answer`; gives its base URL, and what it was asked. */
async function serve(
  answer: (response: ServerResponse, request: Request, n: number) => void,
): Promise<{ baseURL: string; requests: Request[] }> {
  const requests: Request[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const part of incoming) body += String(part);
    const { method, url, headers } = incoming;
    requests.push({ method, url, headers, body });
    answer(response, { method, url, headers, body }, requests.length - 1);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests };
}

function json(response: ServerResponse, status: number, value: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_1', ...headers });
  response.end(JSON.stringify(value));
}

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop', logprobs: null },
  ],
};
const params = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };
const refusal = (code: string) => ({
  error: { message: 'no', type: 'invalid_request_error', param: 'model', code },
});

describe('an answer', () => {
  test('that is no JSON, though it says so, is an error of the client', async () => {
    const { baseURL } = await serve((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"choices": [');
    });
    const asked = new Tailrace({ baseURL, apiKey: 'tr_1' }).chat.completions.create(params);
    await expect(asked).rejects.toThrow(Tailrace.APIConnectionError);
  });

  test('comes also where the server cannot keep it, without being kept', async () => {
    const { baseURL, requests } = await serve((response, { headers, body }) => {
      if (headers['idempotency-key'] !== undefined) json(response, 503, refusal('storage_unavailable'));
      else if (!body.includes('"stream":true')) json(response, 200, completion);
      else {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const chunk = {
          ...completion,
          choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }],
        };
        response.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
      }
    });
    const { completions } = new Tailrace({ baseURL, apiKey: 'tr_1' }).chat;
    expect((await completions.create(params)).choices[0]?.message.content).toBe('Hi');
    expect(await completions.stream(params).finalText()).toBe('Hi');
    expect(requests.map(({ headers }) => headers['tailrace-resumable'])).toEqual([
      ...[undefined, undefined],
      ...['true', undefined],
    ]);
    const own = { idempotencyKey: 'own', maxRetries: 0 };
    await expect(completions.create(params, own)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(completions.stream(params, own).finalText()).rejects.toMatchObject({ status: 503 });
  });

  test('comes with the id of its request, and with its response where that is asked for', async () => {
    const { baseURL, requests } = await serve((response) => json(response, 200, completion));
    const client = new Tailrace({ baseURL: `${baseURL}/`, apiKey: 'tr_1', defaultQuery: { a: '1' } });
    const answer = await client.chat.completions.create(params, {
      headers: { 'X-Own': 'yes', Accept: 'x/y' },
      query: { b: 2 },
    });
    expect(answer.choices[0]?.message.content).toBe('Hi');
    expect(answer._request_id).toBe('req_1');
    expect(Object.keys(answer)).not.toContain('_request_id');
    const { data, response, request_id } = await client.chat.completions.create(params).withResponse();
    expect([data.id, response.status, request_id]).toEqual(['chatcmpl-1', 200, 'req_1']);
    const raw = await client.chat.completions.create(params).asResponse();
    expect(await raw.json()).toEqual(completion);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: '/v1/chat/completions?a=1&b=2',
      headers: { authorization: 'Bearer tr_1', 'x-own': 'yes', 'content-type': 'application/json' },
      body: JSON.stringify(params),
    });
    expect(requests[0]?.headers.accept).toBe('x/y');
  });

  test('an answer that nobody reads leaves no timer, which would keep the process alive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const fetch = () => Promise.resolve(Response.json(completion));
      await new Tailrace({ fetch, apiKey: null }).chat.completions.create(params).asResponse();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('is asked for again where that can help, with the same Idempotency-Key, and as often as the caller says', async () => {
    const { baseURL, requests } = await serve((response, _request, n) => {
      if (n === 0) json(response, 503, refusal('overloaded'), { 'retry-after-ms': '1' });
      else if (n === 1)
        response.writeHead(200, { 'content-length': 1000 }).write('{"id"', () => response.destroy());
      else json(response, 200, completion);
    });
    const client = new Tailrace({ baseURL });
    expect((await client.chat.completions.create(params)).id).toBe('chatcmpl-1');
    expect(requests.length).toBe(3);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(requests[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{32,36}$/);
    expect(requests[0]?.headers.authorization).toBe(undefined);
  });

  test('of a status that no retry can help is an error of that status', async () => {
    const { baseURL, requests } = await serve((response, { url = '' }) =>
      json(response, Number(url.slice(-3)), refusal('invalid_value'), { 'x-should-retry': 'false' }),
    );
    const client = new Tailrace({ baseURL });
    const classes = {
      400: Tailrace.BadRequestError,
      401: Tailrace.AuthenticationError,
      403: Tailrace.PermissionDeniedError,
      404: Tailrace.NotFoundError,
      409: Tailrace.ConflictError,
      413: Tailrace.APIError,
      422: Tailrace.UnprocessableEntityError,
      429: Tailrace.RateLimitError,
      500: Tailrace.InternalServerError,
      504: Tailrace.InternalServerError,
    };
    for (const [status, Class] of Object.entries(classes)) {
      const error = await client.get(`/${status}`).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Class);
      expect(error).toBeInstanceOf(Tailrace.APIError);
      expect(error).toMatchObject({
        status: Number(status),
        code: 'invalid_value',
        param: 'model',
        type: 'invalid_request_error',
        requestID: 'req_1',
        message: `${status} no`,
        name: Class.name,
      });
    }
    expect(requests.length).toBe(Object.keys(classes).length);
  });

  test('that asks for a wait of more than a minute is the error at once', async () => {
    const { baseURL, requests } = await serve((response) =>
      json(response, 429, refusal('x'), { 'retry-after': '61' }),
    );
    await expect(new Tailrace({ baseURL }).get('/x')).rejects.toBeInstanceOf(Tailrace.RateLimitError);
    expect(requests.length).toBe(1);
  });

  test('that does not come is a timeout, or what the caller aborted', async () => {
    const { baseURL, requests } = await serve(() => {});
    const client = new Tailrace({ baseURL, timeout: 50, maxRetries: 0 });
    await expect(client.get('/x')).rejects.toBeInstanceOf(Tailrace.APIConnectionTimeoutError);
    const stopped = new AbortController();
    const asked = client.get('/x', { timeout: 60_000, signal: stopped.signal });
    const rejected = expect(asked).rejects.toBeInstanceOf(Tailrace.APIUserAbortError);
    await expect.poll(() => requests.length, { timeout: 20_000 }).toBe(2);
    stopped.abort();
    await rejected;
    await expect(client.get('/x', { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      Tailrace.APIUserAbortError,
    );
  });

  test('of a server that is not there is a connection error', async () => {
    const client = new Tailrace({ baseURL: 'http://127.0.0.1:1/v1', maxRetries: 0 });
    await expect(client.models.list()).rejects.toBeInstanceOf(Tailrace.APIConnectionError);
    await expect(client.chat.completions.create({ ...params, stream: true })).rejects.toBeInstanceOf(
      Tailrace.APIConnectionError,
    );
  });

  test('is text where it is no JSON, and every verb has its method', async () => {
    const { baseURL } = await serve((response, { method = '' }) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(method);
    });
    const client = new Tailrace({ baseURL });
    const verbs = ['get', 'post', 'put', 'patch', 'delete'] as const;
    expect(await Promise.all(verbs.map((verb) => client[verb]('/x')))).toEqual([
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
    ]);
  });
});

test('models are listed as a page and one by one, and ids with a slash are asked for as one segment', async () => {
  const models = [{ id: 'a/b', object: 'model', created: 1, owned_by: 'x' }];
  const { baseURL, requests } = await serve((response, { url = '' }) =>
    json(response, 200, url === '/v1/models' ? { object: 'list', data: models } : models[0]),
  );
  const client = new Tailrace({ baseURL });
  expect((await client.models.list()).data).toEqual(models);
  const each: unknown[] = [];
  for await (const model of client.models.list()) each.push(model);
  for await (const model of await client.models.list()) each.push(model);
  expect(each).toEqual([models[0], models[0]]);
  expect((await client.models.retrieve('a/b')).id).toBe('a/b');
  expect(requests.at(-1)?.url).toBe('/v1/models/a%2Fb');
});

describe('options', () => {
  test('come from the environment where they are not given', () => {
    const before = { ...process.env };
    process.env['TAILRACE_API_KEY'] = ' tr_env ';
    process.env['TAILRACE_BASE_URL'] = 'http://env/v1/';
    try {
      expect(new Tailrace()).toMatchObject({ apiKey: 'tr_env', baseURL: 'http://env/v1' });
      expect(new Tailrace({ apiKey: null, baseURL: 'http://own' })).toMatchObject({
        apiKey: null,
        baseURL: 'http://own',
      });
    } finally {
      process.env = before;
    }
    expect(new Tailrace({ apiKey: 'x' }).baseURL).toBe('http://127.0.0.1:7245/v1');
  });

  test('are replaced for a client of its own', () => {
    const client = new Tailrace({ baseURL: 'http://one/v1', apiKey: 'k', maxRetries: 5 });
    expect(client.withOptions({ timeout: 3 })).toMatchObject({
      baseURL: 'http://one/v1',
      apiKey: 'k',
      maxRetries: 5,
      timeout: 3,
    });
  });

  test('take a key that is asked for at each request, and a fetch of the caller’s own', async () => {
    const seen: (string | null)[] = [];
    let asked = 0;
    const client = new Tailrace({
      baseURL: 'http://nowhere/v1',
      apiKey: async () => {
        asked += 1;
        return `key ${asked}`;
      },
      organization: 'org',
      async fetch(_url, { headers }) {
        seen.push(new Headers(headers).get('authorization'), new Headers(headers).get('openai-organization'));
        return Response.json({ fine: true });
      },
    });
    expect(await client.get('/x')).toEqual({ fine: true });
    await client.get('/x');
    expect(seen).toEqual(['Bearer key 1', 'org', 'Bearer key 2', 'org']);
  });

  test('a key in a browser has to be wanted', () => {
    Reflect.set(globalThis, 'document', {});
    try {
      expect(() => new Tailrace({ apiKey: 'k' })).toThrow(Tailrace.TailraceError);
      expect(() => new Tailrace({ apiKey: null })).not.toThrow();
      expect(() => new Tailrace({ apiKey: 'k', dangerouslyAllowBrowser: true })).not.toThrow();
    } finally {
      Reflect.deleteProperty(globalThis, 'document');
    }
  });
});

test('every error is a member of the client, as of OpenAI’s, and is exported by its name', () => {
  const names = Object.keys(errorClasses);
  expect(names.length).toBeGreaterThan(12);
  for (const name of names) {
    const Class = Reflect.get(package_, name) as new () => Error;
    expect(Reflect.get(Tailrace, name)).toBe(Class);
  }
});

describe('a client without a key', () => {
  test.each(['https://ai.example.org/v1', 'http://api.example.com:8080', 'https://a.b.co'])(
    'throws for %s, and says what to do',
    (baseURL) => {
      expect(() => new Tailrace({ baseURL })).toThrow(/No API key for https?:.*TAILRACE_API_KEY/);
      for (const options of [
        { apiKey: 'k' },
        { apiKey: null },
        { defaultHeaders: { Authorization: 'Basic x' } },
      ])
        expect(new Tailrace({ baseURL, ...options }).baseURL).toBe(baseURL);
    },
  );

  test.each([
    ...[
      'http://127.0.0.1:7245/v1',
      'http://localhost:1/v1',
      'http://[::1]:7245/v1',
      'http://10.0.0.5:8000/v1',
    ],
    ...['http://vllm:8000/v1', 'http://gpu.local/v1', 'https://llm.internal/v1', 'https://192.168.1.7/v1'],
  ])('is one of a server of one’s own: %s', (baseURL) => {
    expect(new Tailrace({ baseURL }).apiKey).toBeUndefined();
  });
});

test('an error of the connection names the address, without its query, and the cause', async () => {
  const { baseURL } = await serve(() => {});
  const closed = servers.pop();
  await new Promise((resolve) => closed?.close(resolve));
  const client = new Tailrace({
    baseURL,
    maxRetries: 0,
    defaultQuery: { secret: 'x' },
  });
  const plain = client.chat.completions.create(params);
  const streamed = client.chat.completions.create({ ...params, stream: true });
  for (const answer of [plain, streamed]) {
    const error = await answer.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Tailrace.APIConnectionError);
    expect((error as Error).message).toBe(
      `Connection error: ${baseURL}/chat/completions: connect ECONNREFUSED ${new URL(baseURL).host}`,
    );
    expect((error as Error).cause).toBeInstanceOf(TypeError);
  }
});
