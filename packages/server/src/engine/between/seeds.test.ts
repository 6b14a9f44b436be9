import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldSeed } from './seeds.ts';

test('small seeds stay unchanged', () => {
  for (const seed of [0, 1, 42, 2 ** 31, 2 ** 32 - 2]) expect(foldSeed(seed)).toBe(seed);
});

test('no seed becomes the value that means a random seed to the native sampler', () => {
  expect(foldSeed(2 ** 32 - 1)).not.toBe(0xffff_ffff);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (seed) => {
      const folded = foldSeed(seed);
      expect(Number.isInteger(folded) && folded >= 0 && folded < 0xffff_ffff).toBe(true);
    }),
  );
});

test('seeds that differ only above 32 bits give different values', () => {
  expect(new Set([5, 5 + 2 ** 32, 5 + 2 ** 33, 5 + 2 ** 40].map(foldSeed)).size).toBe(4);
});
