import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeyRanks } from '../domain/key-queue.ts';
import { createFairQueue } from './fair-queue.ts';

interface Item {
  readonly keyId: string;
  readonly number: number;
}

/** Keys by their names. */
const ranks: KeyRanks = { of: (keyId) => keyId.charCodeAt(0), served: () => {} };
const queueOf = (most: number) => createFairQueue<Item>(ranks, most);

test('serves the key of the lowest rank, and of one key the oldest item', () => {
  const queue = queueOf(10);
  for (const [keyId, number] of [
    ['b', 1],
    ['a', 1],
    ['a', 2],
  ] as const)
    queue.push({ keyId, number });
  expect([queue.take(), queue.take(), queue.take(), queue.take()]).toEqual([
    { keyId: 'a', number: 1 },
    { keyId: 'a', number: 2 },
    { keyId: 'b', number: 1 },
    undefined,
  ]);
});

test('one key may fill the queue, and loses its newest item to another key', () => {
  const queue = queueOf(3);
  const items = Array.from({ length: 4 }, (_, number) => ({ keyId: 'a', number }));
  expect(items.map((item) => queue.push(item))).toEqual([undefined, undefined, undefined, items[3]]);
  expect(queue.push({ keyId: 'b', number: 0 })).toBe(items[2]);
  // Now it has as many as it would leave to the other: its own is refused.
  const own = { keyId: 'a', number: 9 };
  expect(queue.push(own)).toBe(own);
  expect(queue.all().map(({ keyId, number }) => `${keyId}${number}`)).toEqual(['a0', 'a1', 'b0']);
});

test('removes items one by one, by key, or all', () => {
  const queue = queueOf(10);
  const one = { keyId: 'a', number: 1 };
  queue.push(one);
  for (let number = 2; number < 5; number++) queue.push({ keyId: number === 4 ? 'b' : 'a', number });
  expect([queue.remove(one), queue.remove(one), queue.size]).toEqual([true, false, 3]);
  expect(queue.removeKey('a').length).toBe(2);
  expect([queue.size, queue.removeKey('a').length]).toEqual([1, 0]);
  expect(queue.clear()).toEqual([{ keyId: 'b', number: 4 }]);
  expect([queue.size, queue.take()]).toEqual([0, undefined]);
});

test('never has more items than its limit, and a key within its share loses none', () => {
  const most = 12;
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 200 }), (keys) => {
      const queue = queueOf(most);
      for (const [number, keyId] of keys.entries()) {
        const displaced = queue.push({ keyId, number });
        expect(queue.size).toBeLessThanOrEqual(most);
        expect(queue.size).toBe(queue.all().length);
        if (displaced === undefined) continue;
        // Four keys: three places each are certain.
        const left = queue.all().filter((item) => item.keyId === displaced.keyId).length;
        expect(left).toBeGreaterThanOrEqual(most / 4);
      }
    }),
  );
});
