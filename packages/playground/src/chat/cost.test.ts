import { describe, expect, test } from 'vitest';
import { costMicroUsd } from './cost.ts';

const tokens = { prompt: 1_000, completion: 500, cached: 0 };

describe('the cost of an answer', () => {
  test('is that of its tokens and of the request', () => {
    const price = { input: 0.15, output: 0.6, request: 0.001, above: [] };
    expect(costMicroUsd(price, tokens)).toBeCloseTo(1_450);
  });

  test('takes cached tokens at their own price, else at that of others', () => {
    expect(costMicroUsd({ input: 1, cached: 0.1, above: [] }, { ...tokens, cached: 1_000 })).toBeCloseTo(100);
    expect(costMicroUsd({ input: 1, above: [] }, { ...tokens, cached: 1_000 })).toBeCloseTo(1_000);
  });

  test('takes the highest step that the prompt exceeds, for all its tokens', () => {
    const price = {
      input: 1,
      output: 2,
      above: [
        { tokens: 999, input: 3 },
        { tokens: 5_000, input: 9 },
      ],
    };
    expect(costMicroUsd(price, tokens)).toBeCloseTo(4_000);
    expect(costMicroUsd(price, { ...tokens, prompt: 999 })).toBeCloseTo(1_999);
  });
});
