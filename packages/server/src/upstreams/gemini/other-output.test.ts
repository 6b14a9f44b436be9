import { decodeJsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { readFrames } from '../testing/output-in-short.ts';
import { createContentDialect } from './stream.ts';

const event = (parts: string, more = '') =>
  `data: {"candidates":[{"content":{"parts":${parts}}${more}}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}\n\n`;
const end = event('[]', ',"finishReason":"STOP"');

function short(one: StreamEvent): string[] {
  if (one.type === 'other-delta') return [`${one.field}=${one.value}`];
  if (one.type === 'text-delta') return [`"${decodeJsonText(one.json)}"`];
  if (one.type === 'reasoning-delta') return [`(${decodeJsonText(one.json)})`];
  if (one.type === 'tool-call-start') return [`${one.name}()`];
  if (one.type === 'failed') return [one.failure.code];
  return one.type === 'finish' ? [one.reason] : [];
}

const translate = () =>
  createTranslation({
    maxEventBytes: 64 * 1024,
    dialect: (output) =>
      createContentDialect(
        {
          choices: 1,
          parallelToolCalls: true,
          completionId: 'chatcmpl-1',
          errors: () => ({ hidden: ['sk-Kq9zv7WxLm3'], nowMs: 0 }),
        },
        output,
      ),
  });

const read = (...frames: readonly string[]) => readFrames(frames, translate, short);

test.each([
  '{"inlineData":{"mimeType":"image/png","data":"AA=="}}',
  '{"inlineData":{"mimeType":"image/png","data":"AA=="},"thoughtSignature":"s"}',
  '{"inlineData":{"mimeType":"image/png","data":"AA=="},"thought":true}',
  '{"fileData":{"fileUri":"files/a","size":12345678901234567890}}',
  '{"executableCode":{"language":"PYTHON","code":"1"}}',
  '{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1.0"}}',
  '{"hologram":{"depth":1.0}}',
])('a part that is neither text nor call is a content part, first, in the middle and last: %s', (part) => {
  const other = `content_parts=[${part}]`;
  expect(read(event(`[${part},{"text":"a"}]`), end)).toEqual([other, '"a"', 'stop']);
  expect(read(event(`[{"text":"a"},${part},{"text":"b"}]`), end)).toEqual(['"a"', other, '"b"', 'stop']);
  expect(read(event('[{"text":"a"}]'), event(`[${part}]`), end)).toEqual(['"a"', other, 'stop']);
  expect(read(event(`[${part}]`, ',"finishReason":"STOP"'))).toEqual([other, 'stop']);
});

test('what stands beside a text or a call is a part of its own', () => {
  expect(read(event('[{"text":"a","hologram":{"x":1.0}}]'), end)).toEqual([
    '"a"',
    'content_parts=[{"hologram":{"x":1.0}}]',
    'stop',
  ]);
  expect(read(event('[{"functionCall":{"name":"f"},"hologram":[1]}]'), end)).toEqual([
    'f()',
    'content_parts=[{"hologram":[1]}]',
    'tool_calls',
  ]);
  expect(read(event('[{"text":"a","hologram":{}}]'), end)).toEqual(['"a"', 'stop']);
});

test('an answer that comes as JSON has the same output', () => {
  const part = '{"fileData":{"size":1.0}}';
  const answer = `{"candidates":[{"content":{"parts":[{"text":"a"},${part}]},"finishReason":"STOP"}]}`;
  expect(translate().pushWhole(answer, 'application/json').flatMap(short)).toEqual([
    '"a"',
    `content_parts=[${part}]`,
    'stop',
  ]);
});

test('thoughts after the text are thoughts', () => {
  expect(read(event('[{"text":"a"},{"text":"hm","thought":true},{"text":"b"}]'), end)).toEqual([
    '"a"',
    '(hm)',
    '"b"',
    'stop',
  ]);
});

test('metadata beside the content is no output', () => {
  const more =
    ',"groundingMetadata":{"webSearchQueries":["a"]},"citationMetadata":{"citationSources":[{"uri":"a"}]}';
  expect(read(event('[{"text":"a"}]', more), end)).toEqual(['"a"', 'stop']);
});

test('a part that repeats a secret of the configuration is a cut', () => {
  expect(read(event('[{"inlineData":{"data":"sk-Kq9zv7WxLm3"}}]'), end)).toEqual(['upstream_cut']);
});

const call = '{"name":"f","args":{"a":1}}';

test.each([`{"text":"a","functionCall":${call}}`, `{"functionCall":${call},"text":"a"}`])(
  'a part with a text and a call is both: %s',
  (part) => {
    expect(read(event(`[${part}]`), end)).toEqual(['"a"', 'f()', 'tool_calls']);
    const thought = part.replace('{', '{"thought":true,');
    expect(read(event(`[${thought}]`), end)).toEqual(['(a)', 'f()', 'tool_calls']);
  },
);

test('a call may be written as function_call', () => {
  expect(read(event(`[{"text":"a"},{"function_call":${call},"thought_signature":"s"}]`), end)).toEqual([
    '"a"',
    'f()',
    'tool_calls',
  ]);
});

test('the parts may be one part, and a part may be a text', () => {
  expect(read(event('{"text":"a"}'), event('"b"'), event('["c",null]'), end)).toEqual([
    '"a"',
    '"b"',
    '"c"',
    'stop',
  ]);
  expect(read(event(`{"functionCall":${call}}`), end)).toEqual(['f()', 'tool_calls']);
  expect(read(event('{"hologram":{"depth":1.0}}'), end)).toEqual([
    'content_parts=[{"hologram":{"depth":1.0}}]',
    'stop',
  ]);
});

test('a candidate that is null says nothing', () => {
  expect(read(event('[{"text":"a"}]'), 'data: {"candidates":[null]}\n\n', end)).toEqual(['"a"', 'stop']);
});

test.each(['', ',"index":0', ',"index":null', ',"index":3'])(
  'a JSON answer with output of two candidates for one is none, index %j',
  (index) => {
    const candidate = (text: string) =>
      `{"content":{"parts":[{"text":"${text}"}]},"finishReason":"STOP"${index}}`;
    const answer = (...candidates: readonly string[]) =>
      translate()
        .pushWhole(`{"candidates":[${candidates.join(',')}]}`, 'application/json')
        .flatMap(short);
    expect(answer(candidate('A'), candidate('B'))).toEqual(['upstream_protocol']);
    expect(answer(candidate('A'), candidate(''))).toEqual(['"A"', 'stop']);
  },
);
