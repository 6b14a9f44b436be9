import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSseDecoder } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuiltDocs } from '../../packages/server/src/docs/built-docs.ts';
import { writeSmallDocs } from '../../packages/server/src/docs/testing/small-docs.ts';
import {
  startTestApp,
  type TestApp,
  testAdminKey,
  testKey,
} from '../../packages/server/src/testing/start-app.ts';
import { operations } from './document.ts';
import { ref } from './schema.ts';
import { strictValidatorOf } from './testing/validate.ts';

const script = `
answers:
  - when: {last_message_contains: city}
    steps: [{text: '{"name": "Bern"}'}]
  - when: {last_message_contains: tool}
    steps: [{reasoning: hm}, {text: Well}, {tool_call: {name: weather, arguments: {city: Bern}, pieces: 2}}]
  - when: {last_message_contains: picture}
    steps: [{other: {field: images, value: [{url: "https://a/b"}]}}]
  - when: {last_message_contains: hang}
    steps: [{text: a}, hang]
  - when: {last_message_contains: cut}
    steps: [{text: a}, {fail: {code: upstream_cut, message: It was cut.}}]
  - steps: [{text: Hello!}, {usage: {prompt_tokens: 5, completion_tokens: 2, cached_tokens: 1, reasoning_tokens: 1}}]
`;
const folder = mkdtempSync(path.join(tmpdir(), 'tailrace-openapi-'));
const scriptFile = path.join(folder, 'answers.yaml');
const config = `
server: {max_body: 1MiB}
upstreams:
  lab: {kind: scripted, script: ${scriptFile}}
  claude: {kind: anthropic, api_key: key}
models:
  default:
    aliases: [chat]
    targets: [{upstream: lab, model: demo}, {upstream: claude, model: claude-x, weight: 0}]
    price: {input: 0.15, output: 0.6, above: [{tokens: 200000, input: 1}]}
limits: {requests_per_minute: 100000, tokens_per_minute: 100000000}
`;

const docs = writeSmallDocs();

let app: TestApp;
beforeAll(async () => {
  writeFileSync(scriptFile, script);
  app = await startTestApp({ config, files: { [scriptFile]: '' }, docs: createBuiltDocs([docs.folder]) });
});
afterAll(async () => {
  await app?.stop();
  rmSync(folder, { recursive: true, force: true });
  docs.remove();
});

const asked = new Set<string>();

interface Asked {
  readonly id?: string;
  readonly query?: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks by an operation of the document, and holds status, media type and body of the answer to what it says. */
async function ask(place: string, { id = '', query = '', body, headers = {} }: Asked = {}) {
  const operation = operations[place];
  if (operation === undefined) throw new Error(`there is no operation '${place}'`);
  asked.add(place);
  const [method = '', at = ''] = place.split(' ');
  const answer = await fetch(`${app.url}${at.replace('{id}', encodeURIComponent(id))}${query}`, {
    method,
    headers: {
      authorization: `Bearer ${at.startsWith('/admin') ? testAdminKey : testKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const documented = operation.answers[answer.status];
  expect({ place, status: answer.status, text, documented: documented !== undefined }).toMatchObject({
    documented: true,
  });
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  if (documented?.content === undefined) {
    expect([place, text]).toEqual([place, '']);
    return { answer, json: undefined as never };
  }
  const schema = documented.content[type];
  expect({ place, type, known: schema !== undefined }).toMatchObject({ known: true });
  if (type === 'text/event-stream' && at.startsWith('/v1/chat'))
    for (const event of eventsOf(text)) hold(place, ref('ChatCompletionChunk'), event);
  if (type !== 'application/json' || text === '') return { answer, json: undefined as never };
  const json = JSON.parse(text);
  if (schema !== undefined) hold(place, schema, json);
  return { answer, json };
}

const validators = new Map<object, ReturnType<typeof strictValidatorOf>>();

function hold(place: string, schema: object, value: unknown): void {
  const key = JSON.stringify(schema);
  const known = [...validators.keys()].find((one) => JSON.stringify(one) === key) ?? schema;
  const validate =
    validators.get(known) ?? strictValidatorOf(schema as Parameters<typeof strictValidatorOf>[0]);
  validators.set(known, validate);
  expect({ place, errors: validate(value) ? [] : validate.errors, value }).toMatchObject({ errors: [] });
}

function eventsOf(text: string): unknown[] {
  const events: unknown[] = [];
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'event' && item.data !== '[DONE]' && !item.data.startsWith('{"error"'))
      events.push(JSON.parse(item.data));
  });
  decoder.push(new TextEncoder().encode(text));
  return events;
}

const completions = 'POST /v1/chat/completions';
const chat = (content: string, more: object = {}) => ({
  body: { model: 'default', messages: [{ role: 'user', content }], ...more },
});

describe('what a server answers is what the document says, member for member', () => {
  it('for every example of a request', async () => {
    for (const [place, { body }] of Object.entries(operations)) {
      for (const example of Object.values(body?.examples ?? {})) {
        const { json } = place.includes('/keys/{id}')
          ? await ask('POST /admin/v1/keys')
          : { json: { id: 'acme' } };
        await ask(place, { id: json.id, body: example });
      }
    }
  });

  it('for completions in each form', async () => {
    for (const stream of [false, true]) {
      for (const text of ['plain', 'tool', 'picture']) await ask(completions, chat(text, { stream }));
      await ask(completions, chat('logprobs', { stream, logprobs: true, top_logprobs: 1 }));
    }
    const events = { headers: { 'tailrace-usage-chunk': 'separate' } };
    await ask(completions, {
      ...chat('x', { stream: true, stream_options: { include_usage: true } }),
      ...events,
    });
  });

  it('for kept streams', async () => {
    const { answer } = await ask(completions, {
      ...chat('x', { stream: true }),
      headers: { 'tailrace-resumable': 'true' },
    });
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    await ask('GET /v1/chat/completions/{id}/events', { id });
    const read = await ask('GET /v1/streams/{id}', { id, query: '?offset=-1' });
    const tag = { headers: { 'if-none-match': read.answer.headers.get('etag') ?? '' } };
    expect((await ask('GET /v1/streams/{id}', { id, query: '?offset=-1', ...tag })).answer.status).toBe(304);
    await ask('GET /v1/streams/{id}', { id, query: '?offset=-1&live=sse' });
    await ask('HEAD /v1/streams/{id}', { id });
    const last = { headers: { 'last-event-id': '4' } };
    expect((await ask('GET /v1/chat/completions/{id}/events', { id, ...last })).answer.status).toBe(204);
    await ask('POST /v1/chat/completions/{id}/cancel', { id });
    await ask('DELETE /v1/streams/{id}', { id });
  });

  it('for a stream that is torn', async () => {
    const { answer } = await ask(completions, {
      ...chat('cut', { stream: true }),
      headers: { 'tailrace-resumable': 'true' },
    });
    await ask('GET /v1/streams/{id}', { id: answer.headers.get('tailrace-completion-id') ?? '' });
  });

  it('for models, usage and the lab', async () => {
    await ask('GET /v1/models');
    await ask('GET /v1/models/{id}', { id: 'chat' });
    await ask('GET /v1/usage', { query: '?group_by=model,tag:team,hour&since=7d' });
    await ask('GET /v1/fault-lab');
    await ask('GET /v1/fault-lab/faults');
    const { answer } = await ask(completions, {
      body: {
        model: 'fault-lab/failover/503',
        messages: [{ role: 'user', content: 'x' }],
        metadata: { story: 's' },
      },
    });
    await ask('GET /v1/fault-lab/stories', { query: '?name=s' });
    await ask('GET /v1/fault-lab/stories/{id}', { id: answer.headers.get('tailrace-completion-id') ?? '' });
  });

  it('for health and the document itself', async () => {
    for (const at of ['/livez', '/readyz', '/openapi.json', '/metrics']) await ask(`GET ${at}`);
    for (const at of ['/docs', '/llms.txt', '/llms-full.txt']) await ask(`GET ${at}`);
    await ask('GET /docs/{id}', { id: 'keys' });
    await ask('GET /docs/{id}', { id: 'keys', headers: { accept: 'text/markdown' } });
    for (const format of ['json', 'markdown', 'html'])
      await ask('GET /docs', { query: `?ask=What+is+a+key%3F&goal=a+limit&format=${format}` });
  });

  it('for keys and owners', async () => {
    const { json } = await ask('POST /admin/v1/keys', {
      body: {
        owner: 'acme',
        models: ['default'],
        max_streams: 3,
        budget: { usd: 1, period: 'month' },
        usage_chunk: 'inline',
        log_content: true,
        expires_at: '2999-01-01T00:00:00Z',
      },
    });
    const { id } = json;
    const asking = { ...chat('plain'), headers: { authorization: `Bearer ${json.key}` } };
    const { answer } = await ask(completions, asking);
    const completion = answer.headers.get('tailrace-completion-id') ?? '';
    const kept = 'GET /admin/v1/requests/{id}/content';
    await expect.poll(async () => (await ask(kept, { id: completion })).answer.status).toBe(200);
    for (const place of [
      'GET /admin/v1/keys/{id}',
      'PATCH /admin/v1/keys/{id}',
      'POST /admin/v1/keys/{id}/rotate',
      'DELETE /admin/v1/keys/{id}',
    ])
      await ask(place, { id });
    await ask('GET /admin/v1/keys', { query: '?limit=10' });
    for (const method of ['PUT', 'GET', 'PATCH', 'DELETE'])
      await ask(`${method} /admin/v1/owners/{id}`, { id: 'nobody' });
    await ask('GET /admin/v1/owners');
    await ask('GET /admin/v1/budgets');
    await ask('POST /admin/v1/keys/rotate-signing');
  });

  it('for records and sums', async () => {
    const { json } = await ask('GET /admin/v1/requests');
    expect(json.data.length).toBeGreaterThan(5);
    await ask('GET /admin/v1/requests/{id}', { id: json.data[0].id });
    await ask('GET /admin/v1/usage', { query: '?group_by=key,owner,user,model,target,day,hour,tag:team' });
    await ask('GET /admin/v1/usage', { query: '?format=csv&group_by=day' });
  });

  it('for what runs now', async () => {
    const ended = ask(completions, chat('hang', { stream: true }));
    await expect.poll(async () => (await ask('GET /admin/v1/streams')).json.data.length).toBe(1);
    const [{ id }] = (await ask('GET /admin/v1/streams')).json.data;
    await ask('POST /admin/v1/streams/{id}/cancel', { id });
    await ended;
    for (const at of ['upstreams', 'models', 'config', 'webhook', 'session', 'session/ways'])
      await ask(`GET /admin/v1/${at}`);
    await app.endStep();
    const { json } = await ask('GET /admin/v1/series', { query: '?since=15m' });
    expect(json.data.length).toBeGreaterThan(0);
  });

  it('for sessions', async () => {
    await ask('POST /admin/v1/session');
    await ask('POST /admin/v1/session/codes');
    await ask('DELETE /admin/v1/session');
  });

  it('and every operation was asked, but those that lead to a provider, the page and a reload', () => {
    const known = app.routes.map(({ method, path: at }) => `${method} ${at.replace('{+', '{')}`);
    const left = Object.keys(operations).filter((place) => !asked.has(place) && known.includes(place));
    expect(left.toSorted()).toEqual([...['GET /', 'GET /assets/{id}', 'POST /admin/v1/reload']].toSorted());
  });
});
