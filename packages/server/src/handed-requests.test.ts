import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, testKey } from './testing/start-app.ts';
import { type FakeOrigin, startFakeOrigin } from './transport/fake-origin.ts';

/*
 * Requests as bytes, from a client through the whole server to the bytes that an upstream of each kind gets. The upstream
 * refuses every one of them as the caller's mistake, so only its requests count.
 */

let origin: FakeOrigin;
let app: TestApp;
let posted: string[] = [];

beforeAll(async () => {
  origin = await startFakeOrigin(({ body, socket }) => {
    posted.push(body);
    socket.write('HTTP/1.1 400 X\r\ncontent-length: 2\r\n\r\n{}');
  });
  const url = `http://127.0.0.1:${origin.port}`;
  app = await startTestApp({
    config: `
upstreams:
  plain:  {base_url: "${url}/v1"}
  vllm:   {preset: vllm, base_url: "${url}/v1"}
  openai: {preset: openai, api_key: k, base_url: "${url}/v1"}
  claude: {kind: anthropic, api_key: k, base_url: "${url}"}
  gemini: {kind: gemini, api_key: k, base_url: "${url}"}
models:
  plain:  {targets: [{upstream: plain}]}
  vllm:   {targets: [{upstream: vllm}]}
  openai: {targets: [{upstream: openai}]}
  claude: {targets: [{upstream: claude, model: claude-sonnet-4-5}]}
  gemini: {targets: [{upstream: gemini, model: gemini-3-flash-preview}]}
  both:   {targets: [{upstream: openai}, {upstream: vllm, priority: 1}]}
`,
  });
});
beforeEach(() => {
  posted = [];
});
afterAll(async () => {
  await app.stop();
  await origin.close();
});

const kinds = ['plain', 'vllm', 'openai', 'claude', 'gemini'] as const;

/** Sends the members of a request as they are written; the error of the answer. */
async function post(model: string, members: string) {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: `{"model":"${model}",${members}}`,
  });
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return { status: response.status, code: error.code, param: error.param };
}

const hello = '"messages":[{"role":"user","content":"Hi"}]';
const toolsOf = (count: number, name = 'f') =>
  `"tools":[${Array.from({ length: count }, (_, index) => `{"type":"function","function":{"name":"${name}${index}"}}`).join()}]`;
const stops = '"stop":["a","b","c","d","e","f"]';

describe.each(kinds)('an upstream of %s', (model) => {
  it.each([
    '"stop":""',
    '"stop":[]',
    '"stop":[""]',
    '"max_tokens":-1',
    '"max_completion_tokens":-1',
    '"tools":[],"tool_choice":"none"',
    '"tool_choice":"auto"',
    '"response_format":{"type":"text"}',
    '"n":1,"presence_penalty":0,"frequency_penalty":0,"logprobs":false,"top_logprobs":0,"logit_bias":{}',
  ])('is asked with %s, which asks for nothing', async (nothing) => {
    await post(model, hello);
    await post(model, `${hello},${nothing}`);
    expect(posted).toHaveLength(2);
    const [without, given] = posted.map((body) => JSON.parse(body) as Record<string, unknown>);
    // A penalty of 0 is a value like any other to servers that have penalties.
    const { presence_penalty: _presence, frequency_penalty: _frequency, ...asked } = given ?? {};
    expect(asked).toEqual(without);
  });

  it('gets no half of a surrogate pair', async () => {
    const half = 'x\\ud83d';
    await post(
      model,
      `"messages":[{"role":"system","content":"${half}"},` +
        `{"role":"user","content":[{"type":"text","text":"${half}"}]},` +
        `{"role":"assistant","content":"${half}","tool_calls":[{"id":"a","type":"function",` +
        `"function":{"name":"f0","arguments":"{\\"${half}\\":\\"\\\\ud83d\\"}"}}]},` +
        `{"role":"tool","tool_call_id":"a","content":"${half}"}],` +
        `"stop":["${half}"],"tools":[{"type":"function","function":{"name":"f0","description":"${half}",` +
        `"parameters":{"type":"object","properties":{"${half}":{"enum":["${half}"]}}}}}]`,
    );
    expect(posted).toHaveLength(1);
    // As text and in JSON inside a text: no escape of a half is left, however often it is escaped.
    expect(posted[0]).not.toMatch(/ud83d/i);
    expect(posted[0]).toMatch(/\ufffd|\\ufffd/i);
  });
});

describe('the caps of OpenAI', () => {
  it.each([
    [toolsOf(129), 'tools'],
    [toolsOf(1, 'f'.repeat(64)), 'tools[0].function.name'],
    [stops, 'stop'],
  ])('are refused where no target takes more', async (members, param) => {
    expect(await post('openai', `${hello},${members}`)).toEqual({
      status: 400,
      code: 'invalid_value',
      param,
    });
    expect(posted).toEqual([]);
  });

  it.each(['plain', 'vllm', 'both'])('are not those of %s', async (model) => {
    await post(model, `${hello},${stops},${toolsOf(222, 'f'.repeat(65))}`);
    expect(posted).toHaveLength(1);
    const { stop, tools } = JSON.parse(posted[0] ?? '') as { stop: string[]; tools: unknown[] };
    expect(stop).toHaveLength(6);
    expect(tools).toHaveLength(222);
  });
});

describe('members inside known fields', () => {
  const cached = '"cache_control":{"type":"ephemeral","ttl":"1h"}';
  const marked = `"messages":[{"role":"user","content":[{"type":"text","text":"Hi",${cached}}]}]`;

  it.each(['plain', 'vllm', 'openai', 'claude'])('cache_control goes to %s', async (model) => {
    await post(model, marked);
    expect(posted[0]).toContain(cached);
  });

  it('cache_control keeps nobody from an upstream that does not know it', async () => {
    await post('gemini', marked);
    expect(posted).toHaveLength(1);
  });

  it('a schema beside json_object goes to an OpenAI-compatible server as it came', async () => {
    const format = '"response_format":{"type":"json_object","schema":{"maximum":1.0}}';
    await post('plain', `${hello},${format}`);
    expect(posted[0]).toContain(format);
  });

  it.each(['claude', 'gemini'])('unknown ones are refused where only %s could answer', async (model) => {
    const members = `"messages":[{"role":"user","content":"Hi","w":1}]`;
    const refusal = { status: 400, code: 'unsupported_parameter', param: 'messages[0].w' };
    expect(await post(model, members)).toEqual(refusal);
    await post('plain', members);
    expect(posted).toHaveLength(1);
    expect(posted[0]).toContain('"w":1');
  });
});

it.each(['claude', 'gemini'])('%s is sent a turn for a user who says nothing', async (model) => {
  for (const content of ['""', '[{"type":"text","text":""}]']) {
    await post(model, `"messages":[{"role":"user","content":${content}}]`);
  }
  expect(posted).toHaveLength(2);
  for (const body of posted) expect(body).toContain('"text":"(empty)"');
});
