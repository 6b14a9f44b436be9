import { expect, test } from 'vitest';
import { maxSlice, slicesOf } from './text-slices.ts';

test.each([
  ['', 0],
  ['a', 1],
  ['x'.repeat(maxSlice), 1],
  ['x'.repeat(maxSlice + 1), 2],
  ['😀'.repeat(2 * maxSlice), 4],
  [`x${'😀'.repeat(2 * maxSlice)}`, 5],
])('a text is cut into slices of whole characters (%#)', (text, count) => {
  const slices = [...slicesOf(text)];
  expect(slices.join('')).toBe(text);
  expect(slices).toHaveLength(count);
  for (const slice of slices) {
    expect(slice.length).toBeLessThanOrEqual(maxSlice);
    expect(slice.isWellFormed()).toBe(true);
  }
});
