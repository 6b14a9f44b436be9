import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { batchesOf, type FakeAnswerOptions, readChunks } from './fake-answer.ts';

const frame = (json: string) => `data: ${json}\n\n`;
const chunkOf = (delta: string) => `{"choices":[{"index":0,"delta":${delta},"finish_reason":null}]}`;
const end = `${frame('{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')}${frame('[DONE]')}`;
const image = '{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}';

/** The output in short: `"text"`, `(thought)`, `!refusal`, `field=JSON`, the finish, the code of the failure. */
function short(event: StreamEvent): string[] {
  switch (event.type) {
    case 'text-delta':
      return [`"${decodeJsonText(event.json)}"`];
    case 'reasoning-delta':
      return [`(${decodeJsonText(event.json)})`];
    case 'refusal-delta':
      return [`!${decodeJsonText(event.json)}`];
    case 'other-delta':
      return [`${event.field}=${event.value}`];
    case 'finish':
      return [event.reason];
    case 'failed':
      return [event.failure.code];
    default:
      return [];
  }
}

async function play(pieces: readonly (string | Uint8Array)[], options: Partial<FakeAnswerOptions> = {}) {
  const events = (await batchesOf(pieces, options)).flat();
  const grammar = createEventGrammar(1);
  for (const event of events) expect(grammar.accept(event)).toBeUndefined();
  return events.flatMap(short);
}

/** The output of a stream with these deltas, which is the same when it comes byte by byte. */
async function streamed(...deltas: readonly string[]): Promise<string[]> {
  const body = deltas.map((delta) => frame(chunkOf(delta))).join('') + end;
  const whole = await play([body]);
  expect(await play(Array.from(Buffer.from(body), (byte) => Uint8Array.of(byte)))).toEqual(whole);
  return whole;
}

/** The output of a JSON answer with this message. */
function answered(message: string): Promise<string[]> {
  const body = `{"choices":[{"index":0,"message":${message},"finish_reason":"stop"}]}`;
  return play([body], { contentType: 'application/json' });
}

describe('a field that our stream does not name', () => {
  test.each<[string, string]>([
    ['images', `[${image}]`],
    ['audio', '{"id":"audio_1","data":"AA","expires_at":17000000000000000001}'],
    ['annotations', '[{"type":"url_citation","url_citation":{"start_index":1.0}}]'],
    ['thinking_blocks', '[{"type":"thinking","thinking":"a"}]'],
    ['provider_score', '0.10'],
    ['flag', 'false'],
    ['words', '"a"'],
  ])('is forwarded unchanged, first, in the middle and last: %s', async (field, value) => {
    const delta = `{"${field}":${value}}`;
    const other = `${field}=${value}`;
    expect(await streamed(delta, '{"content":"a"}', '{"content":"b"}')).toEqual([
      other,
      '"a"',
      '"b"',
      'stop',
    ]);
    expect(await streamed('{"content":"a"}', delta, '{"content":"b"}')).toEqual([
      '"a"',
      other,
      '"b"',
      'stop',
    ]);
    expect(await streamed('{"content":"a"}', delta)).toEqual(['"a"', other, 'stop']);
    expect(await streamed(`{"role":"assistant","content":"a","${field}":${value}}`)).toEqual([
      '"a"',
      other,
      'stop',
    ]);
    expect(await streamed(delta)).toEqual([other, 'stop']);
    expect(await answered(`{"role":"assistant","content":"a","${field}":${value}}`)).toEqual([
      '"a"',
      other,
      'stop',
    ]);
  });

  test('may stand on the chunk of the finish', async () => {
    const last = `{"choices":[{"index":0,"delta":{"images":[${image}]},"finish_reason":"stop"}]}`;
    expect(await play([frame(chunkOf('{"content":"a"}')), frame(last), frame('[DONE]')])).toEqual([
      '"a"',
      `images=[${image}]`,
      'stop',
    ]);
  });

  test.each(['null', '""', '[]', '{}'])('carries nothing with the value %s', async (value) => {
    expect(await streamed(`{"content":"a","images":${value},"audio":${value}}`)).toEqual(['"a"', 'stop']);
  });

  test('is no output beside the delta, and neither is what describes the text', async () => {
    const beside = `{"choices":[{"index":0,"delta":{"content":"a"},"images":[1],"text":"a","finish_reason":null}],"images":[1]}`;
    expect(await play([frame(beside), end])).toEqual(['"a"', 'stop']);
    expect(await streamed('{"content":"a","token_id":5,"channel":"final","name":"x"}')).toEqual([
      '"a"',
      'stop',
    ]);
  });

  test('that could change a prototype is a cut', async () => {
    expect(await streamed('{"content":"a"}', '{"__proto__":{"a":1}}')).toEqual(['"a"', 'upstream_cut']);
  });

  test('is in no event that the fast path has learnt', async () => {
    const { answer } = readChunks();
    answer.raw(chunkOf('{"content":"a"}'));
    answer.raw(chunkOf('{"content":"b"}'));
    expect(answer.isPlain()).toBe(true);
    const body = ['{"content":"a"}', '{"content":"b","images":[1]}', '{"content":"c","images":[1]}'];
    const pieces = body.map((delta) => frame(chunkOf(delta)));
    expect(await play([...pieces, end])).toEqual(['"a"', '"b"', 'images=[1]', '"c"', 'images=[1]', 'stop']);
  });

  test('keeps what the provider wants back with the message', async () => {
    const delta = '{"content":"","extra_content":{"google":{"thought_signature":"s"}}}';
    const events = (await batchesOf([frame(chunkOf('{"content":"a"}')), frame(chunkOf(delta)), end])).flat();
    expect(events.at(-1)).toMatchObject({ extra: { google: { thought_signature: 's' } } });
  });
});

describe('content parts', () => {
  test.each<[string, string, readonly string[]]>([
    ['an image', `[${image}]`, [`content_parts=[${image}]`]],
    [
      'an image between texts',
      `[{"type":"text","text":"See"},${image},{"type":"text","text":"there"}]`,
      ['"See"', `content_parts=[${image}]`, '"there"'],
    ],
    ['one part that is no list', `{"type":"text","text":"a"}`, ['"a"']],
    ['a text of the Responses API', '[{"type":"output_text","text":"a","annotations":[]}]', ['"a"']],
    [
      'a text with its annotations',
      '[{"type":"text","text":"a","annotations":[{"n":1.0}]}]',
      ['"a"', 'annotations=[{"n":1.0}]'],
    ],
    ['a text without a type', '[{"text":"a"}]', ['"a"']],
    ['a text in an object', '[{"type":"text","text":{"value":"a"}}]', ['"a"']],
    ['a bare text', '["a","b"]', ['"ab"']],
    [
      'a text with something else',
      '[{"type":"text","text":"a","video":{"n":1.0}}]',
      ['"a"', 'content_parts=[{"type":"text","video":{"n":1.0}}]'],
    ],
    ['a refusal', '[{"type":"refusal","refusal":"No."}]', ['!No.']],
    [
      'a thought (Mistral)',
      '[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]',
      ['(hm)', '"a"'],
    ],
    ['a thought (Anthropic)', '[{"type":"thinking","thinking":"hm","signature":"s"}]', ['(hm)']],
    ['a thought (reasoning)', '[{"type":"reasoning","text":"hm"}]', ['(hm)']],
    [
      'a thought (reasoning, summary)',
      '[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}]',
      ['(hm)'],
    ],
    ['a thought (Google)', '[{"type":"text","text":"hm","thought":true}]', ['(hm)']],
    [
      'a thought after the text',
      '[{"type":"text","text":"a"},{"type":"thinking","thinking":"hm"},{"type":"text","text":"b"}]',
      ['"a"', '(hm)', '"b"'],
    ],
    [
      'a thought without its text',
      '[{"type":"reasoning","encrypted_content":"x"}]',
      ['content_parts=[{"type":"reasoning","encrypted_content":"x"}]'],
    ],
    [
      'a part of an unknown type',
      '[{"type":"hologram","text":"a"}]',
      ['content_parts=[{"type":"hologram","text":"a"}]'],
    ],
    ['parts that carry nothing', '[null,"",{},{"type":"text","text":""}]', []],
  ])('are text, thoughts, or forwarded as they came: %s', async (_, content, output) => {
    expect(await streamed(`{"content":${content}}`)).toEqual([...output, 'stop']);
    expect(await answered(`{"role":"assistant","content":${content}}`)).toEqual([...output, 'stop']);
  });

  test.each(['5', 'true', '{"a":1}', '[5]', '[[{"type":"text","text":"a"}]]', '[{"type":"text","text":5}]'])(
    'and contents that are none of these are a cut: %s',
    async (content) => {
      expect(await streamed('{"content":"a"}', `{"content":${content}}`)).toEqual(['"a"', 'upstream_cut']);
    },
  );
});

describe('reasoning', () => {
  test('after the text is forwarded, in its place', async () => {
    expect(
      await streamed('{"reasoning":"a"}', '{"content":"b"}', '{"reasoning_content":"c"}', '{"content":"d"}'),
    ).toEqual(['(a)', '"b"', '(c)', '"d"', 'stop']);
    expect(await streamed('{"content":"b"}', '{"content":"<think>c</think>"}')).toEqual([
      '"b"',
      '"<think>c</think>"',
      'stop',
    ]);
  });

  test.each<[string, readonly string[]]>([
    ['{"reasoning_content":[{"type":"text","text":"hm"}]}', ['(hm)']],
    ['{"reasoning":{"text":"hm"}}', ['(hm)']],
    ['{"reasoning":{"effort":"high"},"content":"a"}', ['"a"', 'reasoning={"effort":"high"}']],
    ['{"reasoning_content":"hm","reasoning":"hm"}', ['(hm)']],
    ['{"reasoning_content":"hm","reasoning":"so"}', ['(hm)', 'reasoning="so"']],
    ['{"reasoning_content":5}', ['upstream_cut']],
    ['{"refusal":5}', ['upstream_cut']],
  ])('in another form is read, forwarded or a cut, and never dropped: %s', async (delta, output) => {
    const ends = output.includes('upstream_cut') ? output : [...output, 'stop'];
    const events = await streamed(delta);
    expect(events.map((one) => (one === 'upstream_protocol' ? 'upstream_cut' : one))).toEqual(ends);
  });
});

test('the text of the old completions API, which has no delta, is text', async () => {
  const piece = (text: string, finish: string) =>
    frame(`{"choices":[{"index":0,"text":"${text}","finish_reason":${finish}}]}`);
  expect(await play([piece('a', 'null'), piece('b', 'null'), piece('', '"stop"'), frame('[DONE]')])).toEqual([
    '"a"',
    '"b"',
    'stop',
  ]);
});
