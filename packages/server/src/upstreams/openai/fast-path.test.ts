import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TextDelta } from '../../domain/stream-event.ts';
import { batchesOf } from './fake-answer.ts';
import { createFastPath } from './fast-path.ts';

const delta = (json: string): TextDelta => ({ type: 'text-delta', choice: 0, json: jsonText(json) });
const chunk = (content: string, more: object = {}) =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more });

function learnt(): ReturnType<typeof createFastPath> {
  const path = createFastPath();
  path.learn(chunk('Hello'), delta('Hello'));
  return path;
}

describe('a learnt chunk', () => {
  test('is read without a parse, in the form in which it leaves', () => {
    expect(learnt().read(chunk('größe "x"\n'))).toEqual(undefined);
    expect(learnt().read(chunk('größe'))).toEqual(delta('größe'));
    expect(learnt().read(chunk('a "x"\n'))).toEqual(delta('a "x"\n'));
  });

  test.each([
    ['another shape', chunk('a', { usage: { prompt_tokens: 1 } })],
    ['a finish', chunk('a').replace('null', '"stop"')],
    ['an escape that needs reading', chunk('a').replace('"a"', '"\\u0061"')],
    ['a quote that ends the text', chunk('a').replace('"a"', '"a","content":"b"')],
    ['nothing to say', chunk('')],
    ['a control character', chunk('a').replace('"a"', '"\u0001"')],
  ])('is not %s', (_name, data) => {
    expect(learnt().read(data)).toBeUndefined();
  });

  test('is not learnt from a place that only looks like the text', () => {
    const path = createFastPath();
    const shadowed = '{"x":{"content":"b"},"choices":[{"index":0,"delta":{"content":"a"}}]}';
    path.learn(shadowed, delta('a'));
    expect(path.read(shadowed.replace('"b"', '"zzz"'))).toBeUndefined();
    expect(path.read(shadowed.replace('"a"', '"c"'))).toEqual(delta('c'));
  });
});

describe('the short way', () => {
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

  test('says, byte for byte, what the long one says', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), fc.boolean(), async (texts, spaced, ascii) => {
        const short = (await batchesOf([stream(texts, spaced, ascii, false)])).flat();
        const long = (await batchesOf([stream(texts, spaced, ascii, true)])).flat();
        expect(short).toEqual(long);
        for (const event of short) {
          if (event.type === 'text-delta') expect(event.json).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
