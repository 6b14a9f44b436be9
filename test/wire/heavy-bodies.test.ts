// How much one request may delay the others: with any content within `max_body`, no request waits
// longer than `livezWithinMs`, and the process takes no more than 20 bytes for each byte of the body.

import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LivezWatch, livezWithinMs, watchLivez } from '../support/livez-watch.ts';
import { watchPeak } from '../support/processes.ts';
import { requestBytes } from '../support/raw-connection.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { exchange, labServer } from './wire-client.ts';

const maxBodyBytes = 10 * 1024 ** 2;
/** Garbage that is not yet collected, of this request and of those before it. */
const allowanceBytes = 64 * 1024 ** 2;

/** Reads requests whole and refuses them: these tests measure the cost before that. */
const provider: Server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(401).end());
});
let server: TestServer;
let watch: LivezWatch;

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const address = provider.address();
  const base_url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const to = (upstream: string, model: string) => ({ targets: [{ upstream, model }] });
  const lab = labServer(
    {},
    {
      copy: to('copy', 'm'),
      both: {
        targets: [
          { upstream: 'copy', model: 'm' },
          { upstream: 'copy', model: 'n' },
        ],
      },
      claude: to('claude', 'claude-sonnet-4-5'),
      gemini: to('gemini', 'gemini-2.5-pro'),
    },
  );
  const upstreams = {
    ...lab.config.upstreams,
    copy: { kind: 'openai', base_url },
    claude: { kind: 'anthropic', base_url, api_key: 'of-no-use' },
    gemini: { kind: 'gemini', base_url, api_key: 'of-no-use' },
  };
  server = await startServer({ ...lab, config: { ...lab.config, upstreams } });
  watch = watchLivez(server.port);
  // Compiles what V8 compiles at first use.
  for (const model of ['lab/plain', 'copy', 'both', 'claude', 'gemini'])
    await post(chat(model, '"user":"x"'));
});

afterAll(async () => {
  await watch?.close();
  await server?.stop();
  provider.close();
});

const turn = '{"role":"user","content":"Hi"}';
const times = (count: number, piece: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => piece(index)).join();
const chat = (model: string, fields: string, messages = turn) =>
  `{"model":"${model}","messages":[${messages}],${fields}}`;
/** Repeats a piece until the body is full. */
const full = (head: string, piece: string, tail: string) =>
  head +
  piece.repeat(Math.floor((maxBodyBytes - head.length - tail.length) / Buffer.byteLength(piece))) +
  tail;
const content = (piece: string) => (model: string) =>
  full(`{"model":"${model}","messages":[{"role":"user","content":"`, piece, '"}]}');
const unknown = (head: string, piece: string, tail: string) => (model: string) =>
  full(`{"model":"${model}","messages":[${turn}],"x":${head}`, piece, `${tail}}`);

function post(body: string | Buffer) {
  const headers = { Authorization: `Bearer ${server.apiKey}`, 'Content-Type': 'application/json' };
  return exchange(server, requestBytes({ path: '/v1/chat/completions', headers, body }));
}

/** Calls with results, each id and its arguments by the number of the call. */
const calls =
  (count: number, id: (index: number) => string, args: (index: number) => string) => (model: string) =>
    chat(
      model,
      '"n":1',
      `${turn},${times(count, (index) => {
        const called = `{"name":"f","arguments":${JSON.stringify(args(index))}}`;
        return `{"role":"assistant","content":null,"tool_calls":[{"id":"${id(index)}","type":"function","function":${called}}]},{"role":"tool","tool_call_id":"${id(index)}","content":"x"}`;
      })},${turn}`,
    );

/** Results in the other order than their calls. */
const crossed = (count: number) => (model: string) => {
  const called = times(
    count,
    (index) => `{"id":"call_${index}","type":"function","function":{"name":"f","arguments":"{}"}}`,
  );
  const results = times(
    count,
    (index) => `{"role":"tool","tool_call_id":"call_${count - 1 - index}","content":"x"}`,
  );
  return chat(
    model,
    '"n":1',
    `${turn},{"role":"assistant","content":null,"tool_calls":[${called}]},${results},${turn}`,
  );
};

type Shape = readonly [what: string, status: number, body: (model: string) => string];

const taken: readonly Shape[] = [
  ['one long text', 200, content('x')],
  ['a text of escapes', 200, content('\\u0041')],
  ['a text of control characters', 200, content('\\u0001')],
  ['a text of quotes', 200, content('\\"')],
  ['a text of escaped pairs', 200, content('\\ud83d\\ude00')],
  ['a text of halves of pairs', 200, content('\\ud83d')],
  [
    'pairs with half a one at the end',
    200,
    (model) =>
      full(`{"model":"${model}","messages":[{"role":"user","content":"`, '\\ud83d\\ude00', '\\ud83d"}]}'),
  ],
  ['a text of emojis', 200, content('😀')],
  ['a text of white space', 200, content(' ')],
  [
    'ten thousand messages',
    200,
    (model) =>
      chat(
        model,
        '"n":1',
        times(10_000, () => `{"role":"user","content":"${'x'.repeat(900)}"}`),
      ),
  ],
  [
    'ten thousand parts',
    200,
    (model) =>
      chat(
        model,
        '"n":1',
        `{"role":"user","content":[${times(9_999, () => `{"type":"text","text":"${'x'.repeat(900)}"}`)}]}`,
      ),
  ],
  [
    'four thousand calls under one id',
    200,
    calls(
      2_000,
      () => 'call_0',
      () => '{"a":1}',
    ),
  ],
  [
    'four thousand calls under one odd id',
    200,
    calls(
      2_000,
      () => 'call:0',
      () => '{"a":1}',
    ),
  ],
  ['a thousand results in the other order', 200, crossed(1_000)],
  [
    'arguments of millions of values',
    200,
    calls(
      1,
      () => 'c',
      () => `{"a":[0${',0'.repeat(4_900_000)}]}`,
    ),
  ],
  [
    'arguments of millions of levels',
    200,
    calls(
      1,
      () => 'c',
      () => '['.repeat(10_000_000),
    ),
  ],
  [
    'arguments of many objects, none like another',
    200,
    calls(
      20,
      (index) => `c${index}`,
      (call) => `{"a":[${times(20_000, (index) => `{"k${call}_${index}":1}`)}]}`,
    ),
  ],
  ['white space around', 200, (model) => full(chat(model, '"n":1'), ' ', '')],
];

const unnamed: readonly Shape[] = [
  [
    '5,000 unknown fields',
    200,
    (model) =>
      chat(
        model,
        times(5_000, (index) => `"temperatur${index}":1`),
      ),
  ],
  [
    '50,000 unknown fields',
    200,
    (model) =>
      chat(
        model,
        times(49_900, (index) => `"field${index}":1`),
      ),
  ],
  [
    '50,000 unknown fields with long names',
    200,
    (model) =>
      chat(
        model,
        times(49_900, (index) => `"${'k'.repeat(190)}${index}":1`),
      ),
  ],
  [
    'objects of which none is like another',
    200,
    (model) =>
      chat(model, `"x":[${times(1_600, (one) => `{${times(30, (index) => `"k${one}_${index}":1`)}}`)}]`),
  ],
  [
    'objects with odd numbers, and a text of two bytes a character',
    200,
    (model) =>
      chat(model, `"x":[${times(49_000, (index) => `{"k${index}": [1.0]}`)}, "${'x'.repeat(9_000_000)}€"]`),
  ],
  [
    'members of one name, the last of them a long text',
    200,
    (model) => chat(model, `${times(2_000, () => '"x":""')},"x":"${'a'.repeat(1_000_000)}"`),
  ],
  ['200,000 empty objects', 200, (model) => chat(model, `"x":[${times(199_900, () => '{}')}]`)],
  ['a number of ten million digits behind the point', 200, unknown('0.', '9', '')],
  [
    'names of a million characters',
    200,
    (model) =>
      chat(
        model,
        times(10, (index) => `"${'k'.repeat(1_000_000)}${index}":1`),
      ),
  ],
];

const refused: readonly Shape[] = [
  ['fields without end', 400, (model) => full(chat(model, '"n":1').slice(0, -1), ',"field":1', '}')],
  ['millions of zeros', 400, unknown('[0', ',0', ']')],
  ['millions of empty arrays', 400, unknown('[0', ',[]', ']')],
  ['millions of small objects', 400, unknown('[0', ',{"a":1}', ']')],
  ['millions of open arrays', 400, () => '['.repeat(maxBodyBytes)],
  ['millions of nested objects', 400, unknown('', '{"a":', '')],
  ['a number of ten million digits', 400, unknown('', '9', '')],
  ['nothing but white space', 400, () => ' '.repeat(maxBodyBytes)],
  ['NUL bytes', 400, () => '\0'.repeat(maxBodyBytes)],
  ['a text where messages are expected', 400, (model) => full(`{"model":"${model}","messages":"`, 'x', '"}')],
  ['a text without an end', 400, (model) => full(`{"model":"${model}","messages":"`, 'x', '')],
  [
    'more messages than are taken',
    400,
    (model) =>
      chat(
        model,
        '"n":1',
        times(150_000, () => '0'),
      ),
  ],
  [
    'metadata without end',
    400,
    (model) => chat(model, `"metadata":{${times(49_000, (index) => `"k${index}":"1"`)}}`),
  ],
  [
    'a large schema',
    400,
    (model) =>
      chat(
        model,
        `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"properties":{${times(20_000, (index) => `"p${index}":{"type":"string"}`)}}}}}`,
      ),
  ],
];

async function judge(model: string, [, status, body]: Shape, statusThere = status): Promise<void> {
  const bytes = Buffer.from(body(model));
  expect(bytes.length).toBeLessThanOrEqual(maxBodyBytes);
  const grown = watchPeak(server.pid);
  const waitedMs = await watch.worstMsDuring(livezWithinMs, async () => {
    const response = await post(bytes);
    expect({ status: response.status, body: response.body.toString('utf8', 0, 300) }).toMatchObject({
      status: statusThere,
    });
  });
  expect(waitedMs).toBeLessThan(livezWithinMs);
  expect(grown()).toBeLessThan(20 * bytes.length + allowanceBytes);
}

// The provider refuses everything that reaches it.
const reached = 502;

describe('a body', () => {
  test.each([...taken, ...unnamed, ...refused])('of %s delays no other request', (...shape) =>
    judge('lab/plain', shape),
  );

  test.each([...taken, ...unnamed])('of %s is copied for an upstream', (...shape) =>
    judge('both', shape, reached),
  );

  test.each(taken)('of %s is translated for Anthropic', (...shape) => judge('claude', shape, reached));

  test.each(taken)('of %s is translated for Gemini', (...shape) => judge('gemini', shape, reached));

  test.each(unnamed)('of %s names the first field that a target lacks', (...shape) =>
    judge('claude', shape, 400),
  );
});
