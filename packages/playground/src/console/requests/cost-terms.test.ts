import { expect, test } from 'vitest';
import { costTerms, readPrices } from './cost-terms.ts';
import { type RequestRecord, readRecord } from './request-record.ts';

const prices = readPrices({
  data: [
    {
      ...{ id: 'acme/chat', aliases: ['chat'] },
      targets: [
        { id: 'lab/a', price: { input: 0.15, output: 0.6, cached: 0.05, source: {} } },
        { id: 'lab/same', price: { input: 0.15, output: 0.6, cached: 0.05 } },
        { id: 'lab/dear', price: { input: 3, output: 15, request: 0.01 } },
        { id: 'lab/steps', price: { input: 3, output: 15, above: [{ tokens: 200_000, input: 6 }] } },
        { id: 'lab/free', price: null },
      ],
    },
  ],
});

function record(costMicroUsd: number, targets: readonly string[], more = {}): RequestRecord {
  const log = targets.map((target) => ({ target, outcome: 'served', delivered_tokens: 10 }));
  return readRecord({
    ...{ id: 'x', status: 'completed', model: 'chat', prompt_tokens: 40, completion_tokens: 20 },
    ...{ cost_micro_usd: costMicroUsd, attempt_log: log, ...more },
  }) as RequestRecord;
}

test('a cost is the sum of its terms', () => {
  expect(costTerms(record(18, ['lab/a']), prices)).toBe('40 × $0.15 + 20 × $0.60');
  expect(costTerms(record(10_420, ['lab/dear']), prices)).toBe('$0.01 + 40 × $3.00 + 20 × $15.00');
});

test('cached tokens have their own price, and the sum is rounded half up', () => {
  expect(costTerms(record(15, ['lab/a'], { cached_tokens: 30 }), prices)).toBe(
    '10 × $0.15 + 30 × $0.05 (cached) + 20 × $0.60',
  );
});

test('after a takeover by a target of the same price the terms hold too', () => {
  expect(costTerms(record(18, ['lab/a', 'lab/same']), prices)).toBe('40 × $0.15 + 20 × $0.60');
});

test.each([
  ['the price has changed since', record(19, ['lab/a'])],
  ['two prices made it', record(18, ['lab/a', 'lab/dear'])],
  ['the price has steps', record(420, ['lab/steps'])],
  ['there is no price', record(0, ['lab/free'])],
  ['the model is gone', record(18, ['lab/a'], { model: 'gone' })],
  ['nothing was delivered', record(0, [])],
])('there are no terms where %s', (_, one) => {
  expect(costTerms(one, prices)).toBeUndefined();
});
