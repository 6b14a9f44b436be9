import { expect, it, vi } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

it.each([
  ['labb', ['lab', 'claude'], 'lab'],
  ['lsiten', ['listen', 'limits'], 'listen'],
  ['dataDir', ['data_dir', 'workers'], 'data_dir'],
  ['maxstreams', ['max_streams', 'max_body'], 'max_streams'],
  ['LISTEN', ['listen'], 'listen'],
  ['x', ['y'], 'y'],
])('takes %s for one of %j', (name, candidates, meant) => {
  expect(nearest(name, candidates)).toBe(meant);
});

it('stays silent where nothing is close', () => {
  expect(nearest('colour', ['listen', 'workers'])).toBeUndefined();
  expect(nearest('lab', [])).toBeUndefined();
  expect(didYouMean('colour', ['listen'])).toBe('');
});

it('says the guess as a question', () => {
  expect(didYouMean('labb', ['lab'])).toBe(' (did you mean "lab"?)');
});

it('does not compare what is no name: over 64 characters', () => {
  const long = 'x'.repeat(65);
  expect(nearest(long, [long])).toBeUndefined();
  expect(nearest(long.slice(1), [long])).toBe(long);
});

it('does not compare names whose lengths lie too far apart', () => {
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
