import { describe, expect, test } from 'vitest';
import { createBoundedList } from './bounded-list.ts';

describe('a bounded list', () => {
  test('keeps the newest items, and counts those that it has dropped', () => {
    const list = createBoundedList<number>({ maxItems: 100, maxSize: Infinity, sizeOf: () => 1 });
    for (let item = 0; item < 1_000; item += 1) {
      list.add(item);
      expect(list.items.length).toBeLessThanOrEqual(100);
      expect(list.dropped + list.items.length).toBe(item + 1);
    }
    expect(list.items.at(-1)).toBe(999);
    expect(list.items.length).toBeGreaterThanOrEqual(90);
  });

  test('holds no more than its size, but always the last item', () => {
    const list = createBoundedList<string>({ maxItems: 100, maxSize: 50, sizeOf: ({ length }) => length });
    for (let item = 0; item < 20; item += 1) list.add('x'.repeat(10));
    expect(list.items.join('').length).toBeLessThanOrEqual(50);
    list.add('y'.repeat(500));
    expect(list.items).toEqual(['y'.repeat(500)]);
    expect(list.dropped).toBe(20);
  });
});
