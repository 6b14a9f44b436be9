import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModelConfig, PriceConfig } from '../config/config.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { chargeOf, type EndedAttempt, type EndedRequest, requestCostMicroUsd } from './charge.ts';
import { createPrices, type Prices } from './prices.ts';
import { naiveCostMicroUsd } from './testing/naive-cost.ts';

const model = (price: PriceConfig | undefined): ModelConfig => ({
  aliases: [],
  targets: [{ upstream: 'lab', model: 'm', priority: 0, weight: 1 }],
  balance: 'weight',
  fallbacks: [],
  timeouts: {},
  ...(price === undefined ? {} : { price }),
});
const dear: PriceConfig = {
  input: '10',
  output: '30',
  cached: '1',
  request: '0.5',
  above: [{ tokens: 50, output: '60' }],
};
const cheap: PriceConfig = { input: '1', output: '3', request: '7', above: [{ tokens: 200, output: '5' }] };
const prices: Prices = createPrices(
  new Map([
    ['dear', model(dear)],
    ['cheap', model(cheap)],
    ['free', model(undefined)],
  ]),
);

const attempt = (name: string, deliveredTokens: number, outcome: EndedAttempt['outcome']): EndedAttempt => ({
  model: name,
  target: 'lab/m',
  outcome,
  deliveredTokens,
});
const served = (name: string, tokens: number) => attempt(name, tokens, 'served');
const ended = (
  attempts: readonly EndedAttempt[],
  status: EndedRequest['status'] = 'completed',
  usage: EndedRequest['usage'] = { promptTokens: 40, completionTokens: 20 },
): EndedRequest => ({ status, attempts, target: 'lab/m', ...(usage === undefined ? {} : { usage }) });
const cost = (request: EndedRequest) => requestCostMicroUsd(request, prices);

describe('the cost of an ended request', () => {
  test('takes the outcome of a run as it is', () => {
    const outcome: RunOutcome = {
      status: 'completed',
      usage: { promptTokens: 40, completionTokens: 20, cachedTokens: 30 },
      target: 'lab/m',
      attempts: [
        {
          ...{ model: 'dear', target: 'lab/m', mode: 'first', outcome: 'served' },
          ...{ deliveredTokens: 19, startedMs: 0 },
        },
      ],
    };
    expect(requestCostMicroUsd(outcome, prices)).toBe(500_000 + 10 * 10 + 30 * 1 + 20 * 30);
  });

  test.each(['completed', 'cut', 'cancelled', 'abandoned'] as const)(
    'is that of the prompt and of what was delivered where it is %s',
    (status) => {
      expect(cost(ended([attempt('dear', 5, 'aborted')], status))).toBe(500_000 + 40 * 10 + 20 * 30);
    },
  );

  test('is 0 where the client received nothing', () => {
    for (const status of ['failed', 'cancelled', 'abandoned', 'cut'] as const) {
      const { usage: _, ...without } = ended([attempt('dear', 0, 'failed')], status);
      expect(cost(without)).toBe(0);
    }
    // A bug behind a whole answer: no output reached the client.
    expect(cost(ended([served('dear', 20)], 'failed'))).toBe(0);
    expect(cost(ended([]))).toBe(0);
  });

  test('has the prompt, the request and the step of the first model that committed, and not of a loser', () => {
    const attempts = [attempt('cheap', 0, 'failed'), attempt('free', 0, 'lost'), served('dear', 7)];
    expect(cost(ended(attempts))).toBe(500_000 + 40 * 10 + 20 * 30);
    expect(cost(ended([attempt('dear', 0, 'failed'), served('free', 7)]))).toBe(0);
  });

  test('after a takeover has each token at the price of the model that produced it', () => {
    const attempts = [attempt('dear', 5, 'failed'), attempt('free', 0, 'failed'), served('cheap', 15)];
    expect(cost(ended(attempts))).toBe(500_000 + 40 * 10 + 5 * 30 + 15 * 3);
    // The prompt of 60 tokens is above a step of the first model's price, and below that of the second one's.
    const long = { promptTokens: 60, completionTokens: 20 };
    expect(cost(ended(attempts, 'completed', long))).toBe(500_000 + 60 * 10 + 5 * 60 + 15 * 3);
    expect(cost(ended(attempts.toReversed(), 'completed', long))).toBe(7_000_000 + 60 * 1 + 15 * 3 + 5 * 60);
  });

  test('charges the completion that was reported, in proportion to what was delivered', () => {
    const attempts = [attempt('dear', 1, 'failed'), served('cheap', 2)];
    expect(chargeOf(ended(attempts), prices)?.delivered.map(({ tokens }) => tokens)).toEqual([6, 14]);
  });

  test('has the price of the serving model where no token was delivered', () => {
    const bare = { promptTokens: 40, completionTokens: 3 };
    expect(cost(ended([attempt('cheap', 0, 'failed'), served('dear', 0)], 'completed', bare))).toBe(
      500_000 + 400 + 90,
    );
    // A call began, and the connection was lost before its arguments.
    const begun = { promptTokens: 40, completionTokens: 0 };
    expect(cost(ended([attempt('cheap', 0, 'lost'), attempt('dear', 0, 'failed')], 'cut', begun))).toBe(
      500_400,
    );
  });

  test('splits a completion into parts that sum to it, and is that of a computation with fractions', () => {
    const configs = { dear, cheap, free: undefined };
    const names = fc.constantFrom<keyof typeof configs>('dear', 'cheap', 'free');
    const pieces = fc.array(fc.tuple(names, fc.integer({ min: 1, max: 1_000_000_000 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        pieces,
        fc.integer({ min: 0, max: 999_999_999 }),
        fc.nat(300),
        (made, completion, prompt) => {
          const attempts = made.map(([name, tokens]) => attempt(name, tokens, 'failed'));
          const request = ended(attempts, 'cut', { promptTokens: prompt, completionTokens: completion });
          const parts = chargeOf(request, prices)?.delivered.map(({ tokens }) => tokens) ?? [];
          expect(parts.reduce((one, other) => one + other, 0)).toBe(completion);
          const all = made.reduce((sum, [, tokens]) => sum + tokens, 0);
          for (const [at, [, tokens]] of made.entries()) {
            expect(Math.abs((parts[at] ?? 0) - (completion * tokens) / all)).toBeLessThan(1.001);
          }
          const [[first]] = made as [[keyof typeof configs, number]];
          const naive = naiveCostMicroUsd({
            prompt,
            cached: 0,
            written: 0,
            price: configs[first],
            delivered: made.map(([name], at) => ({ tokens: parts[at] ?? 0, price: configs[name] })),
          });
          expect(BigInt(cost(request))).toBe(naive);
        },
      ),
      { numRuns: roundsOf(50_000, 2_000), seed: seedOf() },
    );
  });
});

describe('a reservation', () => {
  const planned = (name: string) => ({ model: { id: name }, target: { name: 'lab/m' } });
  const plan = ['cheap', 'dear', 'free'].map(planned);

  test('is the cost of the dearest target', () => {
    expect(prices.dearestCost(plan, 10, 10)).toBe(7_000_000 + 10 + 30);
    expect(prices.dearestCost(plan.slice(1), 10, 10)).toBe(500_000 + 100 + 300);
    expect(prices.dearestCost(plan, 40, 1_000_000)).toBe(500_000 + 400 + 30_000_000);
    expect(prices.dearestCost(plan.slice(2), 10, 10)).toBe(0);
    expect(prices.dearestCost([], 10, 10)).toBe(0);
  });

  test('holds a prompt that is written to a cache', () => {
    const dearCache = createPrices(
      new Map([['a', model({ input: '3', cacheWrite: '3.75', output: '15', above: [] })]]),
    );
    expect(dearCache.dearestCost([planned('a')], 1_000, 0)).toBe(3_750);
  });

  test('knows which targets have a price', () => {
    expect(plan.map(prices.hasPrice)).toEqual([true, true, false]);
    expect(prices.hasPrice(planned('unknown'))).toBe(false);
  });
});

test('a listed price is that of its target only, and a model’s own comes before it', () => {
  const listed = { entry: 'e', price: cheap, uncounted: [] };
  const [target] = model(undefined).targets;
  const targets =
    target === undefined
      ? []
      : [
          { ...target, listed },
          { ...target, model: 'other' },
        ];
  const found = createPrices(
    new Map([
      ['listed', { ...model(undefined), targets }],
      ['own', { ...model(dear), targets }],
    ]),
  );
  expect(found.find('listed', 'lab/m')).toEqual(prices.find('cheap', 'lab/m'));
  expect(found.find('listed', 'lab/other')).toBeUndefined();
  expect(found.find('own', 'lab/m')).toEqual(prices.find('dear', 'lab/m'));
  expect(found.find('own', 'lab/other')).toEqual(prices.find('dear', 'lab/m'));
});
