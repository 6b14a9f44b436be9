import { expect, test } from 'vitest';
import { createKeyQueue } from './key-queue.ts';

const item = (keyId: string, number: number) => ({ keyId, number });

function drain(queue: ReturnType<typeof createKeyQueue<{ keyId: string; number: number }>>): string[] {
  const order: string[] = [];
  for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
    queue.serve(next);
    order.push(`${next.keyId}${next.number}`);
  }
  return order;
}

test('keys take turns, and the items of one key come in their order', () => {
  const queue = createKeyQueue<{ keyId: string; number: number }>();
  for (let number = 1; number <= 4; number++) queue.push(item('a', number));
  for (let number = 1; number <= 2; number++) queue.push(item('b', number));
  queue.push(item('c', 1));
  expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

test('a removed item is not found again', () => {
  const queue = createKeyQueue<{ keyId: string; number: number }>();
  const first = item('a', 1);
  queue.push(first);
  queue.push(item('a', 2));
  expect(queue.remove(first)).toBe(true);
  expect(queue.remove(first)).toBe(false);
  expect(queue.find(({ number }) => number === 1)).toBeUndefined();
  expect(drain(queue)).toEqual(['a2']);
});

test('a key that was just served comes after one that was not, also where its item was pushed first', () => {
  const queue = createKeyQueue<{ keyId: string; number: number }>();
  queue.push(item('a', 1));
  expect(drain(queue)).toEqual(['a1']);
  queue.push(item('a', 2));
  queue.push(item('b', 1));
  expect(drain(queue)).toEqual(['b1', 'a2']);
});
