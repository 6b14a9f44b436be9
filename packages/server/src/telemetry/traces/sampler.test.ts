import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createSampler } from './sampler.ts';

const ids = Array.from({ length: 4_000 }, () => randomBytes(16).toString('hex'));

it('samples about the share that is asked for, and all or nothing where that is asked for', () => {
  const count = (share: number) => ids.filter(createSampler(share)).length;
  expect([count(0), count(1)]).toEqual([0, ids.length]);
  // Seven standard deviations.
  expect(Math.abs(count(0.25) - 1_000)).toBeLessThan(200);
});

it('samples with a larger share all that a smaller one samples', () => {
  const larger = createSampler(0.5);
  expect(ids.filter(createSampler(0.1)).every(larger)).toBe(true);
});
