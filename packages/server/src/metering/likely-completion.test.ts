import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLikelyCompletion } from './likely-completion.ts';

test('the likely completion is 512 until a model has 20 answers', () => {
  const likely = createLikelyCompletion();
  expect(likely.of('a')).toBe(512);
  for (let n = 1; n < 20; n += 1) likely.note('a', n);
  expect(likely.of('a')).toBe(512);
  likely.note('a', 20);
  expect(likely.of('a')).toBe(19);
  expect(likely.of('b')).toBe(512);
});

test('it is the 95th percentile of the last 200 answers, by the nearest rank', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5_000), { minLength: 20, maxLength: 500 }), (answers) => {
      const likely = createLikelyCompletion();
      for (const [at, tokens] of answers.entries()) {
        likely.note('a', tokens);
        // Reads in between must not change later ones.
        if (at % 7 === 0) likely.of('a');
      }
      const last = answers.slice(-200).toSorted((one, other) => one - other);
      expect(likely.of('a')).toBe(last[Math.ceil(last.length * 0.95) - 1]);
    }),
    { numRuns: 300 },
  );
});

test('max_tokens bounds it', () => {
  const likely = createLikelyCompletion();
  expect(likely.of('a', 100)).toBe(100);
  expect(likely.of('a', 1_000)).toBe(512);
});

test('an answer of several choices counts once, by the average of its choices', () => {
  const likely = createLikelyCompletion();
  for (let n = 0; n < 20; n += 1) likely.note('a', 31, 3);
  expect(likely.of('a')).toBe(11);
});

test('of more than a thousand models the one with the oldest answer is forgotten', () => {
  const likely = createLikelyCompletion();
  const fill = (model: string) => {
    for (let n = 0; n < 20; n += 1) likely.note(model, 7);
  };
  for (let n = 0; n < 1_000; n += 1) fill(`m${n}`);
  likely.note('m0', 7);
  fill('new');
  expect(['m0', 'm1', 'm2', 'new'].map((model) => likely.of(model))).toEqual([7, 512, 7, 7]);
});
