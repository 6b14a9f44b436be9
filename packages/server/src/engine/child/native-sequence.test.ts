import { expect, test } from 'vitest';
import { createSampleWatch, logprobsOf } from './native-sequence.ts';
import { createTokenTexts } from './token-texts.ts';

test('logits and the sum of all weights make ranked log probabilities', () => {
  // Three tokens of probability 0.5, 0.3 and 0.2; the sum of exp(logit − max) is 2.
  const logits = [0.5, 0.3, 0.2].map((probability) => Math.log(probability) + 7);
  const pairs = [4, logits[2] ?? 0, 9, logits[0] ?? 0, 5, logits[1] ?? 0, 9, logits[0] ?? 0];
  const { logprob, top } = logprobsOf(4, pairs, 2, 2);
  expect(Math.exp(logprob)).toBeCloseTo(0.2);
  expect(top.map(([token]) => token)).toEqual([9, 5]);
  expect(top.map(([, value]) => Math.exp(value))).toEqual([expect.closeTo(0.5), expect.closeTo(0.3)]);
});

test('a control token among the alternatives has a name and no bytes, a marker is text', () => {
  const model = {
    bytesOf: (token: number) => (token === 1 ? Uint8Array.of(0xe6, 0xbc) : new Uint8Array(0)),
    controls: new Map([
      [2, '<|im_end|>'],
      [3, '[TOOL_CALLS]'],
    ]),
  };
  const texts = createTokenTexts(model, ['[TOOL_CALLS]']);
  expect(texts.logprobOf({ token: 1, logprob: -1, top: [[2, -Infinity]] })).toEqual({
    token: '\ufffd',
    logprob: -1,
    bytes: [0xe6, 0xbc],
    top_logprobs: [{ token: '<|im_end|>', logprob: -9999, bytes: null }],
  });
  expect(texts.bytesOf(2).length).toBe(0);
  expect(new TextDecoder().decode(texts.bytesOf(3))).toBe('[TOOL_CALLS]');
  expect(texts.logprobOf({ token: 1 })).toBeUndefined();
});

test('the time of a sample in a batch does not include the samples before it', () => {
  let at = 0;
  const watch = createSampleWatch(() => at);
  const [first, second] = [watch.begin(), watch.begin()];
  at = 900;
  expect(watch.end(first)).toBe(900);
  at = 903;
  expect(watch.end(second)).toBe(3);
  at = 2000;
  const third = watch.begin();
  at = 2005;
  expect(watch.end(third)).toBe(5);
});
