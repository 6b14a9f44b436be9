import { decodeJsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { createTranslation } from '../http/answer/translation.ts';
import { readFrames } from '../testing/output-in-short.ts';
import { createMessageDialect } from './stream.ts';

const frame = (json: string) => `data: ${json}\n\n`;
const start = (index: number, block: string) =>
  frame(`{"type":"content_block_start","index":${index},"content_block":${block}}`);
const piece = (index: number, delta: string) =>
  frame(`{"type":"content_block_delta","index":${index},"delta":${delta}}`);
const stop = (index: number) => frame(`{"type":"content_block_stop","index":${index}}`);
const text = (index: number, words: string) =>
  start(index, '{"type":"text","text":""}') +
  piece(index, `{"type":"text_delta","text":"${words}"}`) +
  stop(index);
const end =
  frame('{"type":"message_delta","delta":{"stop_reason":"end_turn"}}') + frame('{"type":"message_stop"}');

function short(event: StreamEvent): string[] {
  if (event.type === 'other-delta') return [`${event.field}=${event.value}`];
  if (event.type === 'text-delta') return [`"${decodeJsonText(event.json)}"`];
  if (event.type === 'reasoning-delta') return [`(${decodeJsonText(event.json)})`];
  if (event.type === 'failed') return [event.failure.code];
  return event.type === 'finish' ? [event.reason] : [];
}

const translate = () =>
  createTranslation({
    maxEventBytes: 64 * 1024,
    dialect: (output) =>
      createMessageDialect(
        { errors: () => ({ hidden: ['sk-Kq9zv7WxLm3'], nowMs: 0 }), completionId: 'chatcmpl-1' },
        output,
      ),
  });

const read = (...frames: readonly string[]) => readFrames(frames, translate, short);

const search = '{"type":"server_tool_use","id":"s","name":"web_search","input":{}}';

test('a tool that the provider runs, and its result, are content parts: the input joined, numbers as they came', () => {
  const result =
    '{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","age":1.0}]}';
  expect(
    read(
      text(0, 'See'),
      start(1, search),
      piece(1, '{"type":"input_json_delta","partial_json":"{\\"n\\":1234567"}'),
      piece(1, '{"type":"input_json_delta","partial_json":"8901234567890,\\"q\\":\\"ü\\"}"}'),
      stop(1),
      start(2, result),
      stop(2),
      text(3, 'there'),
      end,
    ),
  ).toEqual([
    '"See"',
    'content_parts=[{"type":"server_tool_use","id":"s","name":"web_search","input":{"n":12345678901234567890,"q":"\\u00fc"}}]',
    `content_parts=[${result}]`,
    '"there"',
    'stop',
  ]);
});

test('a block of an unknown type is a content part, also first, last, and without the event of its end', () => {
  const block = '{"type":"container_upload","file_id":"f"}';
  const part = `content_parts=[${block}]`;
  expect(read(start(0, block), stop(0), text(1, 'a'), end)).toEqual([part, '"a"', 'stop']);
  expect(read(text(0, 'a'), start(1, block), text(2, 'b'), end)).toEqual(['"a"', part, '"b"', 'stop']);
  expect(read(text(0, 'a'), start(1, block), end)).toEqual(['"a"', part, 'stop']);
  expect(read(start(0, search), stop(0), end)).toEqual([`content_parts=[${search}]`, 'stop']);
});

test('citations have deltas of their own, in their place', () => {
  expect(
    read(
      start(0, '{"type":"text","text":"a","citations":[{"n":1.0}]}'),
      piece(0, '{"type":"citations_delta","citation":{"start":2.0}}'),
      piece(0, '{"type":"text_delta","text":"b"}'),
      stop(0),
      end,
    ),
  ).toEqual(['"a"', 'citations=[{"n":1.0}]', 'citations=[{"start":2.0}]', '"b"', 'stop']);
});

test('content in the first event is read as blocks; an empty block there carries nothing', () => {
  const begin = (content: string) => frame(`{"type":"message_start","message":{"content":${content}}}`);
  const whole = `[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"},${search}]`;
  expect(read(begin(whole), text(3, 'b'), end)).toEqual([
    '(hm)',
    '"a"',
    `content_parts=[${search}]`,
    '"b"',
    'stop',
  ]);
  expect(read(begin('[{"type":"text","text":""}]'), text(0, 'a'), end)).toEqual(['"a"', 'stop']);
  expect(read(begin('[{"type":"text","text":"a"}]'), text(0, 'a'), end)).toEqual(['"a"', 'upstream_cut']);
});

test('a message that comes as one JSON answer has the same output, in its order', () => {
  const result = '{"type":"web_search_tool_result","content":[{"age":1.0}]}';
  const content = `[{"type":"text","text":"a","citations":[{"n":1.0}]},${search},${result},{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"b"}]`;
  const answer = `{"type":"message","content":${content},"stop_reason":"end_turn"}`;
  expect(translate().pushWhole(answer, 'application/json').flatMap(short)).toEqual([
    '"a"',
    'citations=[{"n":1.0}]',
    `content_parts=[${search}]`,
    `content_parts=[${result}]`,
    '(hm)',
    '"b"',
    'stop',
  ]);
});

test('thoughts after the text are thoughts', () => {
  const thought = start(1, '{"type":"thinking","thinking":"hm","signature":""}') + stop(1);
  expect(read(text(0, 'a'), thought, text(2, 'b'), end)).toEqual(['"a"', '(hm)', '"b"', 'stop']);
});

test('a block that repeats a secret of the configuration is a cut', () => {
  expect(read(start(0, '{"type":"container_upload","file_id":"sk-Kq9zv7WxLm3"}'), end)).toEqual([
    'upstream_cut',
  ]);
});
