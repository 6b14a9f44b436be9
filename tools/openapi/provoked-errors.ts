import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ErrorCode, errorCodes } from '@tailrace/protocol';
import {
  startTestApp,
  type TestApp,
  testAdminKey,
  testKey,
} from '../../packages/server/src/testing/start-app.ts';
import { startFailingUpstream } from './failing-upstream.ts';

/** A request that is refused, and the answer that a server gave it. */
export interface Provoked {
  /** What was wrong with the request, or with the world around it. */
  readonly asked: string;
  /** `POST /v1/chat/completions`. */
  readonly request: string;
  /** Of the request; undefined where it has none, or where it would say nothing. */
  readonly sent: string | undefined;
  readonly status: number;
  readonly body: object;
  /** The stream had begun: the body is its last event. */
  readonly inStream: boolean;
}

interface Ask {
  readonly asked: string;
  readonly app?: TestApp;
  readonly method?: string;
  readonly path?: string;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
  /** Shown in the place of a body that says nothing. */
  readonly shown?: string;
  /** Before it is asked. */
  readonly first?: () => Promise<void>;
}

const completions = '/v1/chat/completions';
const hello = { model: 'chat', messages: [{ role: 'user', content: 'Hello!' }] };

const script = `
answers:
  - when: {last_message_contains: hang}
    steps: [hang]
  - when: {last_message_contains: stall}
    steps: [{text: The answer is}, hang]
  - when: {last_message_contains: bug}
    steps: [{throw: a bug}]
  - when: {last_message_contains: long}
    steps: [{repeat: {times: 300, steps: [{text: [${'x'.repeat(512)}]}]}}]
  - steps: [{text: Hello!}]
models:
  plain: {capabilities: [temperature]}
`;

const configOf = (upstreamUrl: string, scriptFile: string, maxStreams = 100) => `
server: {max_body: 64KiB, max_streams: ${maxStreams}}
upstreams:
  lab: {kind: scripted, script: ${scriptFile}}
  other: {base_url: "${upstreamUrl}", api_key: key}
  gone: {base_url: "http://127.0.0.1:1/v1", api_key: key}
models:
  chat: {targets: [{upstream: lab, model: chat}]}
  plain: {targets: [{upstream: lab, model: plain}]}
  slow: {targets: [{upstream: lab, model: slow}], timeouts: {first_token: 50ms}}
  stalling: {targets: [{upstream: lab, model: stalling}, {upstream: gone, model: other, takeover: prefix, weight: 0}], timeouts: {stall: 50ms}}
  endless: {targets: [{upstream: lab, model: endless}], timeouts: {total: 50ms}}
  gone: {targets: [{upstream: gone, model: any}]}
  too-long: {targets: [{upstream: other, model: too-long}]}
  not-allowed: {targets: [{upstream: other, model: not-allowed}]}
  wrong-key: {targets: [{upstream: other, model: wrong-key}]}
  garbage: {targets: [{upstream: other, model: garbage}]}
  cut: {targets: [{upstream: other, model: cut}]}
retry: {per_target: 1, total: 2, backoff: 0ms}
breaker: {failures: 1}
stream: {journal: {per_stream: 64KiB}}
`;

/** Asks a server in this process for each error of the table, and returns what it has answered. */
export async function provokeErrors(): Promise<Readonly<Record<ErrorCode, Provoked>>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tailrace-errors-'));
  const scriptFile = path.join(folder, 'answers.yaml');
  writeFileSync(scriptFile, script);
  const upstream = await startFailingUpstream();
  const start = (maxStreams?: number) =>
    startTestApp({
      config: configOf(upstream.baseUrl, scriptFile, maxStreams),
      files: { [scriptFile]: '' },
    });
  const [app, small] = await Promise.all([start(), start(1)]);
  try {
    const asks = askEach(app, small);
    const provoked: Partial<Record<ErrorCode, Provoked>> = {};
    for (const code of errorCodes) provoked[code] = await provoke(app, asks[code]);
    // The loop has filled in each code.
    return provoked as Readonly<Record<ErrorCode, Provoked>>;
  } finally {
    await Promise.all([app.stop(), small.stop()]);
    await upstream.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function askEach(app: TestApp, small: TestApp): Readonly<Record<ErrorCode, Ask>> {
  const keyWith = async (fields: object) =>
    (await administer(app, 'POST', '/admin/v1/keys', fields)) as NewKey;
  const asking = (model: string, content: string, more: object = {}) => ({
    body: { model, messages: [{ role: 'user', content }], ...more },
  });
  const running = new AbortController();
  return {
    invalid_json: { asked: 'The body breaks off.', body: '{"model": "default", "messages": [' },
    invalid_type: { asked: 'A number is sent as a text.', body: { ...hello, temperature: 'hot' } },
    invalid_value: { asked: 'A number is out of range.', body: { ...hello, temperature: 9 } },
    missing_parameter: { asked: 'A field that is needed is absent.', body: { model: 'chat' } },
    unsupported_parameter: {
      asked: 'The only target of the model honours no `seed`.',
      body: { ...hello, model: 'plain', seed: 7 },
    },
    context_length_exceeded: {
      asked: 'The messages are too long for the model.',
      ...asking('too-long', 'A long text'),
    },
    content_policy_violation: {
      asked: 'The provider refuses the content.',
      ...asking('not-allowed', 'Hello!'),
    },
    missing_api_key: { asked: 'No key is sent.', path: '/v1/models', key: undefined },
    invalid_api_key: { asked: 'The key is unknown.', path: '/v1/models', key: 'tr_unknown' },
    expired_api_key: {
      asked: 'The key was replaced by a new one.',
      path: '/v1/models',
      async first() {
        const { id, key } = await keyWith({});
        await administer(app, 'POST', `/admin/v1/keys/${id}/rotate`, { overlap: '1ms' });
        const rotatedMs = Date.now();
        while (Date.now() <= rotatedMs + 1) await turn();
        Object.assign(this, { key });
      },
    },
    model_not_allowed: {
      asked: 'The key may use other models only.',
      body: hello,
      async first() {
        Object.assign(this, { key: (await keyWith({ models: ['acme/*'] })).key });
      },
    },
    admin_required: { asked: 'An API key is sent to the administration.', path: '/admin/v1/keys' },
    model_not_found: { asked: 'There is no model of this name.', ...asking('chatt', 'Hello!') },
    completion_not_found: { asked: 'No such stream is kept.', path: `${completions}/chatcmpl-1/events` },
    unknown_url: { asked: 'The base URL lacks `/v1`.', method: 'POST', path: '/chat/completions' },
    method_not_allowed: { asked: 'A `GET` comes where a `POST` is taken.', path: completions },
    events_gone: {
      asked: 'The first events of a very long stream are asked for.',
      path: `${completions}/{id}/events?after=0`,
      async first() {
        const answer = await send(app, completions, {
          method: 'POST',
          headers: { 'tailrace-resumable': 'true' },
          body: JSON.stringify({ ...asking('chat', 'long', { stream: true }).body }),
        });
        await answer.text();
        const id = answer.headers.get('tailrace-completion-id') ?? '';
        Object.assign(this, { path: `${completions}/${id}/events?after=0` });
      },
    },
    idempotency_key_reused: {
      asked: 'An `Idempotency-Key` comes again with another body.',
      body: { ...hello, seed: 2 },
      headers: { 'idempotency-key': 'order-17' },
      async first() {
        const other = { method: 'POST', headers: { 'idempotency-key': 'order-17' } };
        await (await send(app, completions, { ...other, body: JSON.stringify(hello) })).text();
      },
    },
    completion_cancelled: {
      asked: 'The completion is cancelled while the client waits for its answer.',
      ...asking('chat', 'hang'),
      first: async () => {
        void cancelFirst(app);
      },
    },
    conflict: {
      asked: 'A key of the configuration is to be changed.',
      method: 'PATCH',
      key: testAdminKey,
      body: { name: 'mine' },
      async first() {
        const { data } = (await administer(app, 'GET', '/admin/v1/keys')) as {
          readonly data: readonly NewKey[];
        };
        Object.assign(this, { path: `/admin/v1/keys/${data[0]?.id}` });
      },
    },
    body_too_large: {
      asked: 'The body is larger than `server.max_body`, 64 KiB here.',
      ...asking('chat', 'x'.repeat(70_000)),
      shown: '{"model": "chat", "messages": [{"role": "user", "content": "xxx… (70,000 of them)"}]}',
    },
    unsupported_media_type: {
      asked: 'The body is sent as text.',
      headers: { 'content-type': 'text/plain' },
      body: hello,
    },
    rate_limit_exceeded: {
      asked: 'The second request within a minute comes with a key that may send one.',
      body: hello,
      async first() {
        const { key } = await keyWith({ requests_per_minute: 1 });
        await (await send(app, completions, { method: 'POST', key, body: JSON.stringify(hello) })).text();
        Object.assign(this, { key });
      },
    },
    insufficient_quota: {
      asked: 'The budget of the key does not cover the request.',
      body: hello,
      async first() {
        Object.assign(this, { key: (await keyWith({ budget: { tokens: 1, period: 'total' } })).key });
      },
    },
    internal_error: { asked: 'The server has a bug.', ...asking('chat', 'bug') },
    upstream_refused: { asked: 'The upstream cannot be reached.', ...asking('gone', 'Hello!') },
    upstream_protocol: { asked: 'The upstream answers with a web page.', ...asking('garbage', 'Hello!') },
    upstream_auth: { asked: "The upstream refuses the operator's key.", ...asking('wrong-key', 'Hello!') },
    upstream_cut: {
      asked: 'The connection to the upstream breaks inside the answer, and no target can continue it.',
      ...asking('cut', 'Hello!', { stream: true }),
    },
    overloaded: {
      asked: 'All places of the server are taken.',
      app: small,
      body: hello,
      first: async () => {
        const body = JSON.stringify(asking('chat', 'hang').body);
        void send(small, completions, { method: 'POST', body, signal: running.signal }).catch(() => {});
        while (small.runs.size === 0) await turn();
      },
    },
    no_healthy_upstream: {
      asked: 'The only target has failed, and is not asked again for some seconds.',
      ...asking('gone', 'Hello!'),
    },
    draining: {
      asked: 'The server is shutting down.',
      app: small,
      body: hello,
      first: async () => {
        running.abort();
        await small.runs.idle();
        small.drain();
      },
    },
    storage_unavailable: {
      asked: 'The request can be recorded nowhere.',
      body: hello,
      first: async () => app.ledger.lose(true),
    },
    first_token_timeout: {
      asked: 'The target says nothing for longer than `timeouts.first_token`.',
      ...asking('slow', 'hang'),
      first: async () => app.ledger.lose(false),
    },
    stall_timeout: {
      asked: 'The target falls silent inside the answer, and no target can continue it.',
      ...asking('stalling', 'stall', { stream: true }),
    },
    deadline_exceeded: {
      asked: 'The request takes longer than `timeouts.total`.',
      ...asking('endless', 'hang'),
    },
  };
}

interface NewKey {
  readonly id: string;
  readonly key: string;
}

interface SendOptions {
  readonly method?: string;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

function send(app: TestApp, to: string, options: SendOptions): Promise<Response> {
  const { method = 'GET', headers = {}, body, signal } = options;
  const key = 'key' in options ? options.key : testKey;
  return fetch(app.url + to, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function administer(app: TestApp, method: string, to: string, body?: object): Promise<unknown> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return (await send(app, to, { method, key: testAdminKey, ...text })).json();
}

/** Cancels the first completion that runs, as soon as one does. */
async function cancelFirst(app: TestApp): Promise<void> {
  while (app.runs.size === 0) await turn();
  const { data } = (await administer(app, 'GET', '/admin/v1/streams')) as {
    readonly data: readonly NewKey[];
  };
  await administer(app, 'POST', `/admin/v1/streams/${data[0]?.id}/cancel`);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function provoke(usual: TestApp, ask: Ask): Promise<Provoked> {
  await ask.first?.();
  const { app = usual, headers = {}, body, asked, shown } = ask;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const method = ask.method ?? (body === undefined ? 'GET' : 'POST');
  const to = ask.path ?? completions;
  const answer = await send(app, to, {
    method,
    headers,
    ...('key' in ask ? { key: ask.key } : {}),
    ...(text === undefined ? {} : { body: text }),
  });
  const whole = await answer.text();
  const inStream = answer.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const payload = inStream ? (whole.trimEnd().split('data: ').at(-1) ?? '') : whole;
  return {
    asked,
    request: steady(`${method} ${to}`),
    sent: shown ?? text,
    status: answer.status,
    body: JSON.parse(steady(payload)) as object,
    inStream,
  };
}

/** Ids are drawn anew in each run. */
function steady(text: string): string {
  return text
    .replaceAll(/chatcmpl-[0-9A-Za-z_-]{8,}/g, 'chatcmpl-5f1c0e9a7b3d')
    .replaceAll(/key_[0-9a-f]{8,}/g, 'key_1b7e44c09a2f3d58')
    .replaceAll(/req_[0-9a-f]{8,}/g, 'req_7c2e9b10f4a84d3e6b51a0c9');
}
