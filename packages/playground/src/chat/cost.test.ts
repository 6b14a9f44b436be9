import { describe, expect, test } from 'vitest';
import { costDollars, dollars } from './cost.ts';

const tokens = { prompt: 1_000, completion: 500, cached: 0 };

describe('the cost of an answer', () => {
  test('is that of its tokens and of the request', () => {
    const price = { input: 0.15, output: 0.6, request: 0.001, above: [] };
    expect(costDollars(price, tokens)).toBeCloseTo(0.00145, 10);
  });

  test('takes cached tokens at their own price, else at that of others', () => {
    expect(costDollars({ input: 1, cached: 0.1, above: [] }, { ...tokens, cached: 1_000 })).toBeCloseTo(
      1e-4,
      10,
    );
    expect(costDollars({ input: 1, above: [] }, { ...tokens, cached: 1_000 })).toBeCloseTo(1e-3, 10);
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
    expect(costDollars(price, tokens)).toBeCloseTo(0.004, 10);
    expect(costDollars(price, { ...tokens, prompt: 999 })).toBeCloseTo(0.001999, 10);
  });
});

test.each([
  [0, '$0'],
  [0.0000006, '$0.0000006'],
  [0.00145, '$0.00145'],
  [0.5, '$0.50'],
  [12.3456, '$12.35'],
])('%d dollars are %s', (amount, text) => {
  expect(dollars(amount)).toBe(text);
});
