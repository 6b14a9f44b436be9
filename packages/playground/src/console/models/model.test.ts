import { describe, expect, it } from 'vitest';
import {
  commonPriceOf,
  featureWords,
  healthWords,
  modelsIn,
  priceWords,
  type Target,
  targetCounts,
} from './model.ts';

const target: Target = {
  ...{ id: 'lab/m', priority: 0, weight: 1, takeover: null, price: null, capabilities: [], engine: null },
  ...{ breaker: 'closed', probe_at: null, in_flight: 0, recent_failures: 0 },
};
const now = Date.parse('2026-11-28T12:00:00Z');

it.each([
  [{}, 'healthy'],
  [{ breaker: 'open', probe_at: '2026-11-28T12:00:03.500Z' }, 'breaker open, probed in 4 s'],
  [{ breaker: 'open', probe_at: '2026-11-28T11:59:00Z' }, 'breaker open, the next request probes it'],
  [{ breaker: 'half-open', probe_at: '2026-11-28T12:00:03Z' }, 'breaker half-open, a request probes it'],
] as const)('a target with %j is %s', (health, words) => {
  expect(healthWords({ ...target, ...health }, now)).toBe(words);
});

describe('prices', () => {
  it('are said for a million tokens, with what else belongs to them', () => {
    expect(priceWords(null)).toBeUndefined();
    expect(priceWords({ input: '0.15', output: '0.6' })).toBe('$0.15 in · $0.60 out');
    expect(priceWords({ input: '1', cached: '0.1', above: [{ tokens: 200_000 }] })).toBe(
      '$1.00 in · $0.10 cached · other above 200,000 tokens',
    );
  });

  it('stand at the model where all its targets have the same', () => {
    const priced = { ...target, price: { input: '1' } };
    expect(commonPriceOf([priced, priced])).toEqual({ input: '1' });
    expect(commonPriceOf([target, target])).toBeNull();
    expect(commonPriceOf([priced, target])).toBeUndefined();
  });
});

it('what a target honours is said in the words of people', () => {
  expect(featureWords(['temperature', 'json_schema', 'tools', 'image_input'])).toEqual([
    'tools',
    'structured output',
    'images',
  ]);
});

it('a target of two models is counted once', () => {
  const model = (id: string, targets: readonly Target[]) => ({ id, targets });
  const open = { ...target, id: 'far/m', breaker: 'open' };
  const models = modelsIn({
    data: [model('a', [target]), model('b', [target, open as Target]), { id: 'c' }],
  });
  expect(models).toHaveLength(2);
  expect(targetCounts(models)).toEqual({ targets: 2, unhealthy: 1 });
});
