import { expect, test } from 'vitest';
import { type Usage, withEstimates } from './usage.ts';

/** The usage with the estimates 7 and `completion`. */
const filled = (reported: Usage | undefined, completion = 5) =>
  withEstimates(reported, {
    promptTokens: () => 7,
    completionTokens: () => completion,
    completionIsCounted: () => false,
  });

test('a usage that no target reported is estimated', () => {
  expect(filled(undefined)).toEqual({ promptTokens: 7, completionTokens: 5, estimated: true });
});

test('a count of zero is estimated, and the other is kept', () => {
  expect(filled({ promptTokens: 0, completionTokens: 3 })).toEqual({
    promptTokens: 7,
    completionTokens: 3,
    estimated: true,
  });
  expect(filled({ promptTokens: 9, completionTokens: 0 })).toEqual({
    promptTokens: 9,
    completionTokens: 5,
    estimated: true,
  });
});

test('a completion without output has no tokens', () => {
  const usage = { promptTokens: 9, completionTokens: 0 };
  expect(filled(usage, 0)).toBe(usage);
});

test('an estimated prompt holds the tokens of the cache', () => {
  const cache = { cachedTokens: 40, cacheWriteTokens: 2 };
  expect(filled({ promptTokens: 0, completionTokens: 3, ...cache })).toMatchObject({
    promptTokens: 42,
    ...cache,
  });
});

test('the least possible count is raised, and a larger one is kept', () => {
  const usage = { promptTokens: 9, completionTokens: 8, estimated: true };
  expect(filled({ ...usage, completionTokens: 2 })).toEqual({ ...usage, completionTokens: 5 });
  expect(filled(usage)).toBe(usage);
});
