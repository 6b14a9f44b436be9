import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { jsonAnswerOf, type Seen } from './seen.ts';
import { readEvents, tokens } from './wall-client.ts';

const text = tokens.join('');
const three = tokens.slice(0, 3).join('');
type Check = (seen: Seen) => void;

/** Checks of each fault's bytes against its description. */
export const faultBytes: Readonly<Record<string, Check>> = {
  healthy: wholeWith({}),
  refuse: ({ response }) => expect(jsonAnswerOf(response, 400).message).toContain('refuse_port'),
  reset: ({ bytes, closed }) => expect([bytes.length, closed]).toEqual([0, 'reset']),
  hang: ({ bytes, closed }) => expect([bytes.length, closed]).toEqual([0, undefined]),
  'slow-first-token': wholeWith({}),
  'comments-only': ({ body, closed }) => {
    expect(body.match(/^: still here\n\n(: still here\n\n)+$/)).not.toBeNull();
    expect(closed).toBeUndefined();
  },
  stall: ({ body, closed }) => expect([readEvents(body).text, closed]).toEqual([three, undefined]),
  endless: ({ body, closed }) => {
    expect(readEvents(body).text).toMatch(/^( and){5,}$/);
    expect(closed).toBeUndefined();
  },
  'too-fast': ({ body }) => expect(readEvents(body).chunks).toHaveLength(100_000 + 3),

  '429-seconds': ({ response }) => {
    jsonAnswerOf(response, 429);
    expect(response?.header('Retry-After')).toBe('1');
  },
  '429-date': ({ response }) => {
    jsonAnswerOf(response, 429);
    const date = response?.header('Retry-After') ?? '';
    expect(new Date(date).toUTCString()).toBe(date);
  },
  '429-odd': ({ response }) => {
    jsonAnswerOf(response, 429);
    expect(response?.header('Retry-After')).toBe('-5');
  },
  '500-once': ({ response }) => void jsonAnswerOf(response, 500),
  flapping: ({ response }) => void jsonAnswerOf(response, 500),
  '503': ({ response }) => void jsonAnswerOf(response, 503),
  '503-hang': ({ response, closed }) => {
    expect([response?.status, response?.complete, closed]).toEqual([503, false, undefined]);
  },
  '500-then-hang': ({ response }) => void jsonAnswerOf(response, 500),
  '401': ({ response }) => void jsonAnswerOf(response, 401),
  '402': ({ response }) => void jsonAnswerOf(response, 402),
  '403': ({ response }) => void jsonAnswerOf(response, 403),
  '404': ({ response }) => void jsonAnswerOf(response, 404),
  '400-context': ({ response }) => expect(jsonAnswerOf(response, 400).code).toBe('context_length_exceeded'),
  '400': ({ response }) => expect(jsonAnswerOf(response, 400).param).toBe('temperature'),
  '200-json-error': ({ response }) => expect(jsonAnswerOf(response, 200).message).toContain('crashed'),
  '200-html': ({ response, body }) => {
    expect(response?.header('content-type')).toContain('text/html');
    expect(body).toMatch(/^<!doctype html>/);
  },
  redirect: ({ response }) =>
    expect([response?.status, response?.header('location')]).toEqual([307, expect.any(String)]),

  'cut-rst': cutWith({ closed: 'reset' }),
  'cut-fin': (seen) => {
    cutWith({ closed: 'end' })(seen);
    const [, size = '', begun = ''] =
      /\r\n([0-9a-f]+)\r\n(data: [^\r\n]*)$/.exec(seen.bytes.toString()) ?? [];
    expect(Number.parseInt(size, 16)).toBeGreaterThan(Buffer.byteLength(begun));
  },
  'cut-clean': cutWith({ complete: true }),
  'cut-event': (seen) => {
    cutWith({ complete: true })(seen);
    expect(seen.body.endsWith('\n\n')).toBe(false);
  },
  'cut-character': ({ response }) => {
    const body = response?.body ?? Buffer.alloc(0);
    expect(response?.complete).toBe(true);
    expect(body.at(-1)).toBeGreaterThanOrEqual(0xc0);
    expect(text.startsWith(readEvents(body).text)).toBe(true);
  },
  'chunked-bad-size': ({ bytes, closed }) => {
    expect(bytes.toString()).toContain('\r\nzz\r\n');
    expect(closed).toBe('end');
  },
  'content-length-short': ({ response, bytes }) => {
    expect(readEvents(response?.body ?? '').text).toBe(three);
    expect(readEvents(bytes).done).toBe(1);
  },
  'content-length-long': ({ response, body, closed }) => {
    expect([response?.complete, closed]).toEqual([false, 'end']);
    expect(readEvents(body)).toMatchObject({ text, done: 1 });
  },
  empty: ({ response, body }) => expect([response?.complete, body]).toEqual([true, '']),

  'malformed-empty': (seen) => {
    wholeWith({})(seen);
    expect(unreadable(seen)).toHaveLength(1);
  },
  'malformed-delta': (seen) => {
    const torn = unreadable(seen);
    expect(torn).toHaveLength(1);
    expect(torn[0]).toContain('"content":"');
  },
  'malformed-early': (seen) => {
    const torn = unreadable(seen);
    expect(torn).toHaveLength(1);
    expect(torn[0]).toMatch(/"delta":\{"con$/);
  },
  'content-number': ({ body }) => {
    const { chunks } = readEvents(body);
    expect(chunks.filter(({ choices }) => typeof choices?.[0]?.delta?.content === 'number')).toHaveLength(1);
  },
  'delta-list': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/"delta":\[\]/g)).toHaveLength(2);
  },
  'malformed-four': (seen) => {
    wholeWith({})(seen);
    expect(unreadable(seen)).toHaveLength(4);
  },
  'giant-event': ({ body }) =>
    expect(Math.max(...body.split('\n\n').map((event) => event.length))).toBeGreaterThan(2 ** 21),
  duplicate: wholeWith({ roles: 2, finishes: ['stop', 'stop'], usages: 2, done: 2 }),
  'duplicate-delta': wholeWith({ text: tokens.flatMap((token) => [token, token]).join('') }),
  'out-of-order': ({ body }) => {
    const { chunks, finishes, roles, done } = readEvents(body);
    expect(chunks[0]?.usage).toBeDefined();
    expect(chunks[1]?.choices?.[0]).toMatchObject({ index: 1, delta: { content: expect.any(String) } });
    expect(chunks.at(-1)?.choices?.[0]).toMatchObject({ index: 0, finish_reason: 'stop' });
    expect([finishes, roles, done]).toEqual([['stop', 'stop'], 2, 1]);
    const first = chunks.flatMap(({ choices = [] }) => choices).filter(({ index }) => index === 0);
    expect(first.map(({ delta }) => delta?.content ?? '').join('')).toBe(text);
  },
  unknown: (seen) => {
    wholeWith({})(seen);
    for (const part of ['retry: 1000', ': comment', 'event: ping', 'id: 3', '"x_wall"'])
      expect(seen.body).toContain(part);
  },
  'trailing-junk': ({ body }) => {
    const [before = '', after = ''] = body.split('data: [DONE]\n\n');
    expect(readEvents(before)).toMatchObject({ text, finishes: ['stop'] });
    expect(after).toContain('junk');
  },

  'missing-role': wholeWith({ roles: 0 }),
  'missing-finish': wholeWith({ finishes: [] }),
  'missing-done': wholeWith({ done: 0 }),
  'missing-usage': wholeWith({ usages: 0 }),
  'usage-absurd': ({ body }) => expect(readEvents(body).usages).toMatchObject([{ prompt_tokens: -3 }]),
  'usage-early': wholeWith({ usages: tokens.length + 2 }),
  'usage-per-choice': ({ body }) =>
    expect(readEvents(body)).toMatchObject({ finishes: ['stop', 'stop'], usages: [{}, {}] }),
  'finish-on-content': (seen) => {
    wholeWith({})(seen);
    const last = readEvents(seen.body).chunks.findLast(({ choices }) => choices?.[0] !== undefined)
      ?.choices?.[0];
    expect(last).toMatchObject({ delta: { content: tokens.at(-1) }, finish_reason: 'stop' });
  },
  'deltas-after-finish': wholeWith({ text: `${text} late late` }),
  'content-null': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/"content":null/g)).toHaveLength(2);
  },
  'event-error': (seen) => {
    cutWith({ complete: true })(seen);
    expect(seen.body).toMatch(/\n\nevent: error\ndata: \{"object":"error"[^\n]*\n\n$/);
  },
  'data-error': (seen) => {
    cutWith({ complete: true })(seen);
    expect(seen.body).toMatch(/\n\ndata: \{"error":[^\n]*\n\n$/);
  },
  'error-then-done': ({ body }) => {
    expect(readEvents(body)).toMatchObject({ text: three, finishes: [], done: 1 });
    expect(body).toMatch(/data: \{"error":[^\n]*\n\ndata: \[DONE\]\n\n$/);
  },
  'finish-error': wholeWith({ text: three, finishes: ['error'] }),
  'finish-abort': wholeWith({ text: three, finishes: ['abort'] }),
  'finish-stop': wholeWith({ finishes: ['eos'] }),
  'finish-length': wholeWith({ finishes: ['model_length'] }),
  'finish-filter': wholeWith({ text: three, finishes: ['sensitive'] }),
  'finish-none': wholeWith({ finishes: [...Array(tokens.length + 1).fill('null'), 'stop'] }),
  'early-finish': (seen) => {
    wholeWith({ finishes: ['stop', 'stop'] })(seen);
    expect(readEvents(seen.body).chunks[0]?.choices?.[0]).toMatchObject({
      delta: { role: 'assistant' },
      finish_reason: 'stop',
    });
  },
  'early-finish-cut': wholeWith({ text: tokens.slice(0, 6).join(''), usages: 0, done: 0 }),
  'foreign-index': (seen) => {
    wholeWith({})(seen);
    const indexes = readEvents(seen.body).chunks.flatMap(({ choices = [] }) =>
      choices.map(({ index }) => index),
    );
    expect(indexes).toEqual(indexes.map((_, at) => at));
  },
  'two-choices': ({ body }) => {
    const { chunks, finishes } = readEvents(body);
    expect(chunks[1]?.choices?.map(({ delta }) => delta?.content)).toEqual([tokens[0], ' other']);
    expect(finishes).toEqual(['stop']);
  },
  'surrogate-split': (seen) => {
    wholeWith({ text: `${tokens[0]}🌊${tokens.slice(1).join('')}` })(seen);
    expect(seen.body).toMatch(/\\ud83c"[\s\S]*"\\udf0a/);
  },
  'surrogate-lone': (seen) => {
    expect(seen.body).toContain('\\ud83c"');
    expect(seen.body).not.toContain('\\udf0a');
  },

  'think-tags': ({ body }) => {
    const { text: said, chunks } = readEvents(body);
    expect(said).toMatch(/^<think>[\s\S]*<\/think>\n\n/);
    expect(said.replace(/^<think>[\s\S]*?<\/think>\n\n/, '').replace(' <think>', '')).toBe(text);
    // No delta holds a whole tag of the thoughts.
    expect(chunks[1]?.choices?.[0]?.delta?.content).toBe('<th');
  },
  'json-prose': wholeWith({}),
  'json-off-schema': ({ body }) => {
    expect(JSON.parse(readEvents(body).text)).toEqual({ words: text });
  },
  'unnamed-output': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/"delta":\{"images":\[/g)).toHaveLength(1);
  },
  'unnamed-output-cut': (seen) => {
    cutWith({ complete: true })(seen);
    expect(seen.body.trimEnd()).toMatch(/"delta":\{"images":[^\n]*$/);
  },
  'thought-parts': ({ body }) => {
    const { chunks, done } = readEvents(body);
    const [, thought, ...texts] = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? '');
    expect(thought).toEqual([{ type: 'thinking', thinking: [{ type: 'text', text: expect.any(String) }] }]);
    expect([texts.join(''), done]).toEqual([text, 1]);
  },
  'late-thoughts': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/"delta":\{"reasoning_content":/g)).toHaveLength(1);
  },

  'one-line-end': ({ body }) => {
    expect(body).not.toContain('\n\n');
    expect(readEvents(body)).toMatchObject({ text, finishes: ['stop'], done: 1 });
  },
  'plain-heartbeats': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/^data: heartbeat\n\ndata: [{[]/gm)).toHaveLength(tokens.length + 4);
  },
  'json-no-object': (seen) => {
    wholeWith({})(seen);
    expect(seen.body.match(/^data: 17\n\n/gm)).toHaveLength(tokens.length + 4);
  },
  cr: ({ body }) => {
    expect(body).not.toContain('\n');
    expect(readEvents(body.replaceAll('\r', '\n'))).toMatchObject({ text, done: 1 });
  },
  crlf: ({ body }) => {
    expect(body.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(readEvents(body.replaceAll('\r', ''))).toMatchObject({ text, done: 1 });
  },
  bom: (seen) => {
    expect(seen.response?.body.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
    wholeWith({})(seen);
  },
  'byte-by-byte': (seen) => {
    wholeWith({})(seen);
    expect(new Set(seen.response?.chunks.map(({ length }) => length))).toEqual(new Set([1]));
  },
  gzip: ({ response }) => {
    expect(response?.header('content-encoding')).toBe('gzip');
    expect(readEvents(gunzipSync(response?.body ?? Buffer.alloc(0)))).toMatchObject({ text, done: 1 });
  },
  'headers-100k': (seen) => {
    wholeWith({})(seen);
    expect(seen.bytes.indexOf('\r\n\r\n')).toBeGreaterThan(100_000);
  },
  'trailer-flood': ({ bytes, closed }) => {
    expect(readEvents(bytes)).toMatchObject({ text, done: 1 });
    expect(bytes.subarray(bytes.indexOf('\r\n0\r\nx-wall-0: ')).length).toBeGreaterThan(2_000_000);
    expect(closed).toBe('end');
  },
  'wrong-content-type': (seen) => {
    wholeWith({})(seen);
    expect(seen.response?.header('content-type')).toBe('text/plain');
  },
  'http-1.0': (seen) => {
    wholeWith({})(seen);
    expect([seen.response?.version, seen.response?.header('transfer-encoding'), seen.closed]).toEqual([
      '1.0',
      undefined,
      'end',
    ]);
  },

  'status-2xx': (seen) => {
    wholeWith({})(seen);
    expect(seen.response?.status).toBe(201);
  },
  'json-answer': ({ response, body }) => {
    expect(response?.header('content-type')).toBe('application/json');
    expect(JSON.parse(body)).toMatchObject({
      choices: [{ message: { content: text }, finish_reason: 'stop' }],
    });
  },
  'error-in-200': ({ response, body }) => {
    expect(response?.status).toBe(200);
    expect(readEvents(body).chunks).toMatchObject([{ error: { type: 'invalid_request_error' } }]);
  },
  'limit-in-200': ({ response, body }) => {
    expect(response?.status).toBe(200);
    expect(readEvents(body).chunks).toMatchObject([{ error: { code: 429 } }]);
  },

  'zero-usage': ({ body }) => {
    const { usages } = readEvents(body);
    expect(usages.map((counts) => counts['prompt_tokens'])).toEqual([0, expect.any(Number)]);
    expect(usages[1]?.['prompt_tokens']).toBeGreaterThan(0);
  },
  'zero-usage-only': ({ body }) =>
    expect(readEvents(body).usages).toEqual([{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }]),
  'usage-in-choice': (seen) => {
    wholeWith({ usages: 0 })(seen);
    expect(seen.body).toMatch(/"finish_reason":"stop","usage":\{"prompt_tokens":/);
  },
  'usage-thoughts-beside': ({ body }) =>
    expect(readEvents(body).usages).toMatchObject([
      { completion_tokens: tokens.length, completion_tokens_details: { reasoning_tokens: 60 } },
    ]),
  'usage-thoughts-only': ({ body }) =>
    expect(readEvents(body).usages).toMatchObject([
      { completion_tokens: 0, completion_tokens_details: { reasoning_tokens: 60 } },
    ]),

  'tool-whole': ({ body }) => {
    expect(readEvents(body)).toMatchObject({ text: '', finishes: ['tool_calls'], done: 1 });
    expect(callsOf(body)).toEqual([['call_wall_1', 'get_weather', '{"city":"Bern"}']]);
  },
  'tool-bad-json': ({ body }) => {
    const joined = callsOf(body)
      .map(([, , pieces]) => pieces)
      .join('');
    expect(() => JSON.parse(joined)).toThrow(SyntaxError);
  },
  'tool-id-missing': ({ body }) => {
    expect(new Set(callsOf(body).map(([id]) => id))).toEqual(new Set([undefined]));
  },
  'tool-id-repeated': ({ body }) =>
    expect(callsOf(body).map(([id]) => id)).toEqual(['call_wall_1', 'call_wall_1', 'call_wall_1']),
  'calls-one-index': ({ body }) => {
    const { calls } = readEvents(body);
    expect(calls.map(({ index, id }) => [index, id])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const cities = calls.map((call) => (JSON.parse(call.function.arguments) as { city: string }).city);
    expect(cities).toEqual(['Bern', 'Zürich']);
  },
  'name-in-pieces': ({ body }) => {
    const { calls } = readEvents(body);
    expect(calls.map((call) => call.function.name ?? '')).toEqual(['get_we', 'ather', '', '', '']);
  },
  'arguments-none': ({ body }) => expect(callsOf(body)).toEqual([['call_wall_1', 'get_weather', '']]),
  'arguments-twice': ({ body }) =>
    expect(callsOf(body).map(([, , piece]) => piece)).toEqual(['', '{}', '{"city"', ':"Be', 'rn"}']),
  'finish-each-call': ({ body }) => {
    expect(readEvents(body)).toMatchObject({ finishes: ['tool_calls', 'tool_calls'], done: 1 });
    expect(callsOf(body)).toHaveLength(2);
  },
  'finish-calls': ({ body }) => {
    expect(readEvents(body).finishes).toEqual(['tool_use']);
    expect(callsOf(body)).toHaveLength(1);
  },
  'tool-interleaved': ({ body }) => {
    const { calls } = readEvents(body);
    expect(calls.map(({ index }) => index)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    for (const wanted of [0, 1]) {
      const joined = calls.filter(({ index }) => index === wanted).map((call) => call.function.arguments);
      expect(JSON.parse(joined.join(''))).toEqual({ city: wanted === 0 ? 'Bern' : 'Zürich' });
    }
  },
};

interface Shape {
  readonly text?: string;
  readonly roles?: number;
  readonly finishes?: readonly string[];
  readonly usages?: number;
  readonly done?: number;
}

/** A body that is complete for HTTP, and healthy except where it is stated. */
function wholeWith(shape: Shape): Check {
  return ({ response, body }) => {
    expect(response?.complete).toBe(true);
    const { text: said, roles, finishes, usages, done } = readEvents(body);
    const seen: Required<Shape> = { text: said, roles, finishes, usages: usages.length, done };
    expect(seen).toEqual({ text, roles: 1, finishes: ['stop'], usages: 1, done: 1, ...shape });
  };
}

/** Three tokens and no finish. */
function cutWith(shape: { readonly complete?: true; readonly closed?: 'end' | 'reset' }): Check {
  return ({ response, body, closed }) => {
    expect(readEvents(body)).toMatchObject({ text: three, finishes: [], done: 0 });
    expect(response?.complete).toBe(shape.complete ?? false);
    if (shape.closed !== undefined) expect(closed).toBe(shape.closed);
  };
}

function unreadable({ body }: Seen): readonly string[] {
  return readEvents(body).data.filter((json) => {
    if (json === '[DONE]') return false;
    try {
      JSON.parse(json);
      return false;
    } catch {
      return true;
    }
  });
}

function callsOf(body: string) {
  return readEvents(body).calls.map(
    (call) => [call.id, call.function.name, call.function.arguments] as const,
  );
}
