import { expect, test } from 'vitest';
import { sparkPath } from './sparkline.tsx';

test('the line goes from the left to the right, and its largest value touches the top', () => {
  expect(sparkPath([0, 5, 10]).line).toBe('M0 26L50 14L100 2');
});

test('a gap ends the line, and a value between two gaps is still seen', () => {
  expect(sparkPath([10, null, 10, null, 10]).line).toBe('M0 2L0.6 2M49.4 2L50.6 2M99.4 2L100 2');
});

test('values of nothing lie at the foot', () => {
  expect(sparkPath([0, 0]).line).toBe('M0 26L100 26');
});
