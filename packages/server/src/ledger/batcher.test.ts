import { expect, test } from 'vitest';
import { createBatcher } from './batcher.ts';

test('waiting for what was added ends although more is added all the time', async () => {
  let left = 1_000;
  const batcher = createBatcher<number>(async () => {
    left -= 1;
    if (left > 0) batcher.add(left);
  }, setImmediate);
  batcher.add(0);
  await batcher.worked();
  expect(left).toBeGreaterThan(900);
  left = 1;
  await batcher.worked();
  expect(left).toBe(0);
});

test('waiting ends at once where nothing is left', async () => {
  const done: number[] = [];
  const batcher = createBatcher<number>(async (items) => {
    done.push(...items);
  }, setImmediate);
  await batcher.worked();
  batcher.add(1);
  batcher.add(2);
  await batcher.worked();
  await batcher.worked();
  expect(done).toEqual([1, 2]);
});
