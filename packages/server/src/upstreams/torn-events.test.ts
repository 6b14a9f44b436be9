/**
 * One event of a stream in good order is torn so that its bytes show no delta: cut, without its beginning, or under another field
 * name. Where they show that it was an event of this stream, the answer ends in an error. Else it is dropped.
 */
import { describe, expect, test } from 'vitest';
import { readStream } from './testing/read-stream.ts';

const chunk = (delta: object, finish: string | null = null) =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
const openai = (torn: string) =>
  [chunk({ content: 'a' }), torn, chunk({ content: 'c' }), chunk({}, 'stop'), '[DONE]'].map(framed).join('');
const part = (text: string, more: object = {}) =>
  JSON.stringify({ candidates: [{ content: { parts: [{ text }] }, ...more }] });
const gemini = (torn: string) => [torn, part('a'), part('c', { finishReason: 'STOP' })].map(framed).join('');
/** A line with another field name stands as it is. */
const framed = (data: string) => (/^[\w ]*: \{/.test(data) ? `${data}\n\n` : `data: ${data}\n\n`);

const endOf = async (dialect: 'openai' | 'gemini' | 'anthropic', text: string) => {
  const { output } = await readStream(dialect, 1, [Buffer.from(text)], {});
  return output.failed ?? output.choices[0]?.text;
};

describe('a torn event that was one of its stream is a cut', () => {
  test.each([
    '{"id":"chatcmpl-1","object":"chat.comp',
    '{"id":',
    '{',
    'mpletion.chunk","choices":[{"index":0,"delta":{}}]}',
    '"finish_reason":null}]}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","choi"choices":[{"index":0,"delta":{}}]}',
    'null}]}',
    ']}',
    'dat: {"choices":[{"index":0,"delta":{"content":"b"}}]}',
    'ata: {"choices":[{"index":0,"delta":{"content":"b"}}]}',
  ])('%s', async (torn) => {
    expect(await endOf('openai', openai(torn))).toBe('upstream_cut');
  });

  test('also as the first event, which the next one shows', async () => {
    for (const torn of ['{"candi', '{"candidates":[{"con', 's":[{"text":"b"}]}}]}']) {
      expect(await endOf('gemini', gemini(torn))).toBe('upstream_cut');
    }
  });

  test('also where only its name says that it has output', async () => {
    const events = [
      ['message_start', '{"type":"message_start","message":{"usage":{"input_tokens":3}}}'],
      ['content_block_start', '{"type":"content_block_start","content_block":{"type":"text","text":""}}'],
      ['content_block_delta', '{"t'],
      ['message_delta', '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'],
      ['message_stop', '{"type":"message_stop"}'],
    ];
    const text = events.map(([name, data]) => `event: ${name}\ndata: ${data}\n\n`).join('');
    expect(await endOf('anthropic', text)).toBe('upstream_cut');
  });

  test.each(['event: content_bloc', 'retry: 1', 'id: 7', ': keep'])(
    'also behind a torn “%s”',
    async (head) => {
      const torn = `${head}e":"content_block_delta","delta":{"type":"text_delta","text":"b"}}\n\n`;
      const good = [
        'data: {"type":"content_block_start","content_block":{"type":"text","text":""}}\n\n',
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
      ];
      expect(await endOf('anthropic', good.join(torn))).toBe('upstream_cut');
    },
  );
});

describe('an event that is torn, and was none with output, is dropped', () => {
  test.each([
    '{"type":"ping"',
    '{"x',
    '[',
    '{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tok',
    '{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"logpr',
    'foo: {"a":1}',
    'meta: bar',
  ])('%s', async (torn) => {
    expect(await endOf('openai', openai(torn))).toBe('ac');
  });
});
