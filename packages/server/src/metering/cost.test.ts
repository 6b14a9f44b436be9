import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PriceConfig } from '../config/config.ts';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { costMicroUsd } from './cost.ts';
import { createPrice } from './price.ts';
import { type NaiveCharge, naiveCostMicroUsd } from './testing/naive-cost.ts';

/** The cost with the prices as they are configured. */
function cost({ prompt, cached, written, price, delivered }: NaiveCharge): number {
  return costMicroUsd({
    promptTokens: prompt,
    cachedTokens: cached,
    cacheWriteTokens: written,
    price: price && createPrice(price),
    delivered: delivered.map((piece) => ({ ...piece, price: piece.price && createPrice(piece.price) })),
  });
}

const none = { prompt: 0, cached: 0, written: 0, price: undefined, delivered: [] };
const million = 1_000_000;

describe('the cost of a request', () => {
  const price: PriceConfig = {
    input: '0.15',
    output: '0.6',
    cached: '0.05',
    cacheWrite: '0.1875',
    request: '0.001',
    above: [
      { tokens: 100, input: '0.3' },
      { tokens: 200, output: '1.2', cached: '0.01' },
    ],
  };
  const of = (prompt: number, cached: number, written: number, tokens: number) =>
    cost({ prompt, cached, written, price, delivered: [{ tokens, price }] });

  test('is that of the prompt, its cached and written parts, the answer and the request', () => {
    expect(of(0, 0, 0, 0)).toBe(1_000);
    expect(of(100, 0, 0, 0)).toBe(1_015);
    expect(of(100, 60, 40, 0)).toBe(1_000 + 3 + 8); // 7.5 rounded half up
    expect(of(100, 0, 0, 10)).toBe(1_000 + 15 + 6);
  });

  test('has the amounts of the highest step that the prompt exceeds, and else those of the price', () => {
    expect(of(101, 0, 0, 100)).toBe(1_000 + Math.round(101 * 0.3) + 60);
    expect(of(101, 101, 0, 100)).toBe(1_000 + 5 + 60);
    expect(of(200, 0, 0, 100)).toBe(1_000 + 60 + 60);
    expect(of(201, 201, 0, 100)).toBe(1_000 + 2 + 120);
    expect(of(201, 0, 0, 0)).toBe(1_000 + 30); // the step above has no input of its own, and steps are not added up
  });

  test('is rounded once, half up', () => {
    const half: PriceConfig = { input: '0.5', output: '0.25', above: [] };
    const charge = (prompt: number, ...tokens: readonly number[]) =>
      cost({ ...none, prompt, price: half, delivered: tokens.map((one) => ({ tokens: one, price: half })) });
    expect([charge(1), charge(3), charge(1, 1), charge(1, 1, 1), charge(0, 1), charge(0, 1, 1)]).toEqual([
      1, 2, 1, 1, 0, 1,
    ]);
    const tiny: PriceConfig = { input: '0.499999999999', above: [] };
    expect(cost({ ...none, prompt: 1, price: tiny })).toBe(0);
  });

  test('has no part where there is no price, and the model that produced a token has its own', () => {
    const other: PriceConfig = { output: '2', request: '9', above: [] };
    const delivered = [
      { tokens: million, price },
      { tokens: million, price: other },
      { tokens: million, price: undefined },
    ];
    expect(cost({ ...none, delivered })).toBe(2_600_000);
    expect(cost({ ...none, prompt: 50, price: other, delivered })).toBe(9_000_000 + 2_600_000);
    expect(cost({ ...none, prompt: 50 })).toBe(0);
  });

  test('counts no more tokens of a cache than the prompt has', () => {
    expect(
      cost({ ...none, prompt: 10, cached: 50, written: 50, price: { input: '1', cached: '2', above: [] } }),
    ).toBe(20);
  });

  test('stays a safe integer', () => {
    const dear: PriceConfig = { output: '1000000', above: [] };
    const piece = { tokens: 999_999_999, price: dear };
    expect(cost({ ...none, delivered: [piece] })).toBe(999_999_999_000_000);
    expect(cost({ ...none, delivered: Array.from({ length: 20 }, () => piece) })).toBe(
      Number.MAX_SAFE_INTEGER,
    );
  });
});

/** Amounts as the configuration (12 decimals) and a catalogue (24 for a million tokens) have them. */
const amount = fc
  .record({
    whole: fc.integer({ min: 0, max: 2_000 }),
    digits: fc.integer({ min: 0, max: 24 }),
    fraction: fc.bigInt({ min: 0n, max: 10n ** 24n - 1n }),
  })
  .map(({ whole, digits, fraction }) => {
    const text = fraction.toString().padStart(24, '0').slice(0, digits).replace(/0+$/, '');
    return text === '' ? String(whole) : `${whole}.${text}`;
  });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const amounts = { input: amount, output: amount, cached: amount, cacheWrite: amount };
const someAmounts = fc.record(amounts, { requiredKeys: [] });
const anyPrice: fc.Arbitrary<PriceConfig> = fc
  .record({
    base: fc.record({ ...amounts, request: amount }, { requiredKeys: [] }),
    steps: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 1_000 }), someAmounts), {
      maxLength: 3,
      selector: ([tokens]) => tokens,
    }),
  })
  .map(({ base, steps }) => ({
    ...base,
    above: steps.toSorted(([one], [other]) => one - other).map(([tokens, prices]) => ({ tokens, ...prices })),
  }));
const anyCharge: fc.Arbitrary<NaiveCharge> = fc
  .record({
    rest: fc.integer({ min: 0, max: 700 }),
    cached: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 700 })),
    written: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 700 })),
    price: optional(anyPrice),
    delivered: fc.array(
      fc.record({ tokens: fc.integer({ min: 0, max: 100_000 }), price: optional(anyPrice) }),
      { maxLength: 3 },
    ),
  })
  .map(({ rest, ...charge }) => ({ ...charge, prompt: rest + charge.cached + charge.written }));

test('the cost is that of a computation with fractions', () => {
  fc.assert(
    fc.property(anyCharge, (charge) => {
      expect(BigInt(cost(charge))).toBe(naiveCostMicroUsd(charge));
    }),
    { numRuns: roundsOf(100_000, 3_000), seed: seedOf() },
  );
});
