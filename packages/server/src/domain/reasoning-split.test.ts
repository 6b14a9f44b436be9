import { describe, expect, test } from 'vitest';
import { createUtf8Decoder } from '../engine/child/utf8-decoder.ts';
import { createReasoningSplit } from './reasoning-split.ts';

const think = { open: '<think>', close: '</think>' };

/** Pushes the text in pieces that end at these bytes, as tokens would. */
function split(text: string, cuts: readonly number[], opened = false) {
  const bytes = new TextEncoder().encode(text);
  const decoder = createUtf8Decoder();
  const splitter = createReasoningSplit([think], opened ? think : undefined);
  const out = { reasoning: '', text: '' };
  const add = (parts: { reasoning: string; text: string }): void => {
    out.reasoning += parts.reasoning;
    out.text += parts.text;
  };
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    add(splitter.push(decoder.push(bytes.subarray(from, cut))));
    from = cut;
  }
  add(splitter.flush());
  return out;
}

describe('a reasoning split', () => {
  const text = '\n<think>\nwhy, é 😀 </thin\n</think>\n\nSo: <think>not a thought</think>.';
  const whole = { reasoning: 'why, é 😀 </thin\n', text: 'So: <think>not a thought</think>.' };

  test('takes a block at the beginning as reasoning, wherever its tags are divided; later tags are text', () => {
    const length = new TextEncoder().encode(text).length;
    for (let first = 0; first <= length; first++) {
      for (const second of [first, first + 1, first + 5]) {
        expect(split(text, [first, Math.min(second, length)])).toEqual(whole);
      }
    }
    expect(split(text, [...Array(length).keys()])).toEqual(whole);
  });

  test('takes a block that the template opened as reasoning, from the first character', () => {
    const opened = '\nwhy\n</think>\n\nSo.';
    for (let cut = 0; cut <= opened.length; cut++) {
      expect(split(opened, [cut], true)).toEqual({ reasoning: 'why\n', text: 'So.' });
    }
  });

  test('takes text that only begins like a tag as text, with its white space', () => {
    for (const plain of [' <thin', '  <thinker> a', 'a <think>b</think>', '', '<', '\n\n']) {
      for (let cut = 0; cut <= plain.length; cut++) {
        expect(split(plain, [cut])).toEqual({ reasoning: '', text: plain });
      }
    }
  });

  test('does not wait for a tag after more than 64 characters of white space', () => {
    const splitter = createReasoningSplit([think], undefined);
    expect(splitter.push(' '.repeat(65)).text).toBe(' '.repeat(65));
    expect(splitter.push('<think>').text).toBe('<think>');
  });

  test('takes a block without an end as reasoning', () => {
    expect(split('<think>on and on </thi', [3, 9])).toEqual({ reasoning: 'on and on </thi', text: '' });
  });

  test('is done at the first text that cannot be a tag, and not before', () => {
    const splitter = createReasoningSplit([think], undefined);
    const done = ['\n', '<think>', 'why', '</think>', '\n', 'So'].map((piece) => {
      splitter.push(piece);
      return splitter.done();
    });
    expect(done).toEqual([false, false, false, false, false, true]);
  });

  test('holds only the part of the reasoning that may be the closing tag', () => {
    const splitter = createReasoningSplit([think], think);
    expect(splitter.push('a</').reasoning).toBe('a');
    expect(splitter.held()).toBe(2);
    expect(splitter.push('b').reasoning).toBe('</b');
    expect(splitter.phase()).toBe('reasoning');
  });
});
