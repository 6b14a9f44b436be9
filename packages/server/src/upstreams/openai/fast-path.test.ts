import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { StreamEvent, TextDelta } from '../../domain/stream-event.ts';
import { batchesOf } from './fake-answer.ts';
import { createLearningFastPath, type LearningFastPath } from './fast-path.ts';

const delta = (json: string): TextDelta => ({ type: 'text-delta', choice: 0, json: jsonText(json) });
const chunk = (content: string, more: object = {}) =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more });

/** The events that are read from these bytes. */
function readAs(path: LearningFastPath, text: string | Uint8Array) {
  const bytes = Buffer.from(text);
  const events: readonly StreamEvent[] =
    path.read(Buffer.concat([Buffer.from('?'), bytes]), 1, 1 + bytes.length) ?? [];
  const read = path.taken;
  return { read, length: bytes.length, events };
}

function read(text: string | Uint8Array, maxEventBytes = 1_000) {
  const path = createLearningFastPath(maxEventBytes);
  path.learn(chunk('Hello'), delta('Hello'));
  return readAs(path, text);
}

const frame = (data: string) => `data: ${data}\n\n`;

describe('a learnt chunk', () => {
  test.each(['a', 'a "x"\n', 'größe', '\u2028', '\ufeff', '"'])(
    'with the text %j is read without a parse, in the form in which it leaves',
    (text) => {
      const { read: bytes, length, events } = read(frame(chunk(text)));
      expect(events).toEqual([delta(text)]);
      expect(bytes).toBe(length);
    },
  );

  test('is read until a chunk comes that is different or cut', () => {
    const known = frame(chunk('a')) + frame(chunk('b'));
    for (const rest of [frame(chunk('c')).slice(0, -1), ': x\n', frame('[DONE]'), '\n']) {
      expect(read(known + rest)).toMatchObject({ read: known.length, events: [delta('a'), delta('b')] });
    }
  });

  test.each([
    ['another member', chunk('a', { usage: { prompt_tokens: 1 } })],
    ['a finish', chunk('a').replace('null', '"stop"')],
    ['both kinds of text', chunk('größe "x"')],
    ['an escape that needs a parse', chunk('a').replace('"a"', '"\\u0061"')],
    ['a quote that ends the text', chunk('a').replace('"a"', '"a","content":"b"')],
    ['an empty text', chunk('')],
    ['a control character', chunk('a').replace('"a"', '"\u0001"')],
  ])('is not a chunk with %s', (_name, data) => {
    expect(read(frame(data))).toMatchObject({ read: 0, events: [] });
  });

  test('is not a chunk that is too large, has other line ends, or is not UTF-8', () => {
    const whole = frame(chunk('a'));
    expect(read(whole, whole.length - 1).read).toBe(0);
    expect(read(whole, whole.length).read).toBe(whole.length);
    expect(read(whole.replaceAll('\n', '\r\n')).read).toBe(0);
    expect(read(Buffer.from(frame(chunk('\xff')), 'latin1')).read).toBe(0);
  });

  test('is not learnt with another field `content` as its text', () => {
    const path = createLearningFastPath(1_000);
    const shadowed = '{"x":{"content":"b"},"choices":[{"index":0,"delta":{"content":"a"}}]}';
    path.learn(shadowed, delta('a'));
    expect(readAs(path, frame(shadowed.replace('"b"', '"zzz"'))).events).toEqual([]);
    expect(readAs(path, frame(shadowed.replace('"a"', '"c"'))).events).toEqual([delta('c')]);
  });
});

test('learning tries only a few places for the text of an event, and none in a large event', () => {
  const parse = vi.spyOn(JSON, 'parse');
  const path = createLearningFastPath(1_024 * 1_024);
  const places = (count: number) =>
    JSON.stringify({ x: Array.from({ length: count }, () => ({ content: 'b' })), choices: [] });
  path.learn(places(500), delta('b'));
  expect(parse.mock.calls.length).toBeLessThanOrEqual(8);
  parse.mockClear();
  path.learn(places(50_000), delta('b'));
  expect(parse).not.toHaveBeenCalled();
  parse.mockRestore();
});

describe('the fast path', () => {
  // `slow` has a key order of its own in each chunk, so that nothing is ever learnt.
  const stream = (texts: readonly string[], spaced: boolean, ascii: boolean, slow: boolean) =>
    `${texts
      .map((content, at) => {
        const value = {
          id: 'c',
          choices: [{ index: 0, delta: { content }, finish_reason: null }],
          ...(slow ? { [`k${at}`]: at } : {}),
        };
        const json = spaced ? JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ') : JSON.stringify(value);
        const escaped = json.replace(
          /[\x7f-\uffff]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        return `data: ${ascii ? escaped : json}\n\n`;
      })
      .join('')}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`;

  /** One event for each read, or two; with `cut` 2 and 3 some reads end inside an event. */
  function readsOf(bytes: Buffer, cut: number): Uint8Array[] {
    const reads: Uint8Array[] = [];
    let from = 0;
    for (let end = bytes.indexOf('\n\n'); end >= 0; end = bytes.indexOf('\n\n', end + 2)) {
      if (cut === 1 && (end + reads.length) % 2 === 1) continue;
      const to = end + 2 - (cut > 1 ? reads.length % cut : 0);
      reads.push(bytes.subarray(from, to));
      from = to;
    }
    return [...reads, bytes.subarray(from)].filter((read) => read.length > 0);
  }

  const pieces = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ maxLength: 6 }),
      fc.constantFrom(
        '"',
        '\\',
        '\n',
        '\\n',
        '","content":"',
        '\u2028',
        '\ud83d',
        '\ude00',
        '/',
        '\u007f',
        '"}}]}',
      ),
    ),
    { maxLength: 12 },
  );

  test('emits the same events as the decoder and the parse', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), fc.boolean(), fc.nat(3), async (texts, spaced, ascii, cut) => {
        const bytes = Buffer.from(stream(texts, spaced, ascii, false));
        const fast = (await batchesOf(readsOf(bytes, cut))).flat();
        const parsed = (await batchesOf([stream(texts, spaced, ascii, true)])).flat();
        expect(fast).toEqual(parsed);
        for (const event of fast) {
          if (event.type === 'text-delta') expect(event.json).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
