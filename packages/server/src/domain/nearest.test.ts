import { expect, it, vi } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

it.each([
  ['labb', ['lab', 'claude'], 'lab'],
  ['lsiten', ['listen', 'limits'], 'listen'],
  ['dataDir', ['data_dir', 'workers'], 'data_dir'],
  ['maxstreams', ['max_streams', 'max_body'], 'max_streams'],
  ['LISTEN', ['listen'], 'listen'],
  ['x', ['y'], 'y'],
])('finds the candidate that is closest to %s in %j', (name, candidates, meant) => {
  expect(nearest(name, candidates)).toBe(meant);
});

it('finds none where no candidate is close', () => {
  expect(nearest('colour', ['listen', 'workers'])).toBeUndefined();
  expect(nearest('lab', [])).toBeUndefined();
  expect(didYouMean('colour', ['listen'])).toBe('');
});

it('asks whether the candidate was meant', () => {
  expect(didYouMean('labb', ['lab'])).toBe(' (did you mean "lab"?)');
});

it('does not compare texts of more than 64 characters', () => {
  const long = 'x'.repeat(65);
  expect(nearest(long, [long])).toBeUndefined();
  expect(nearest(long.slice(1), [long])).toBe(long);
});

it('does not compare names whose lengths differ too much', () => {
  const read = vi.spyOn(String.prototype, 'toLowerCase');
  try {
    nearest(
      'x'.repeat(60),
      Array.from({ length: 100 }, () => 'y'.repeat(20)),
    );
    expect(read).toHaveBeenCalledTimes(1);
  } finally {
    read.mockRestore();
  }
});
