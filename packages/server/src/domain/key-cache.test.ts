import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyCache } from './key-cache.ts';

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

test('the least recently used value of a key is forgotten first', () => {
  const cache = createKeyCache<number>({ maxEntries: 3 });
  for (const [value, name] of names(3, 'n').entries()) cache.set('a', name, value);
  cache.get('a', 'n0');
  cache.set('a', 'n3', 3);
  expect(names(4, 'n').map((name) => cache.get('a', name))).toEqual([0, undefined, 2, 3]);
});

test('a key that fills the cache displaces its own values alone', () => {
  const cache = createKeyCache<number>({ maxEntries: 10 });
  for (const name of names(3, 'b')) cache.set('b', name, 1);
  for (const name of names(1_000, 'a')) cache.set('a', name, 1);
  expect(names(3, 'b').map((name) => cache.get('b', name))).toEqual([1, 1, 1]);
  expect(names(7, 'a').map((_, index) => cache.get('a', `a${999 - index}`))).toEqual(Array(7).fill(1));
});

test('large values of a key displace its own alone', () => {
  const cache = createKeyCache<number>({ maxEntries: 100, maxSize: 1_000 });
  cache.set('b', 'b', 1, 300);
  for (const name of names(50, 'a')) cache.set('a', name, 1, 400);
  expect(cache.get('b', 'b')).toBe(1);
  expect(cache.get('a', 'a49')).toBe(1);
  cache.set('a', 'huge', 1, 2_000);
  expect([cache.get('b', 'b'), cache.get('a', 'huge')]).toEqual([1, undefined]);
});

test('a value belongs to the key that used it last', () => {
  const cache = createKeyCache<string>({ maxEntries: 4 });
  cache.set('a', 'shared', 'of all');
  expect(cache.get('b', 'shared')).toBe('of all');
  for (const name of names(20, 'a')) cache.set('a', name, '');
  expect(cache.get('b', 'shared')).toBe('of all');
});

test('no sequence of sets and gets takes its equal share from a key', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    name: fc.integer({ min: 0, max: 30 }),
    size: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const bounds = { maxEntries: 9, maxSize: 1_000 };
      const cache = createKeyCache<string>(bounds);
      /** What each key used last, without repetition, newest last. */
      const used = new Map<string, string[]>();
      for (const { key, name, size } of steps) {
        const own = `${key}${name}`;
        cache.set(key, own, own, size);
        used.set(key, [...(used.get(key) ?? []).filter((other) => other !== own), own]);
      }
      for (const [key, mine] of used) {
        // Three keys: three values each are safe.
        for (const name of mine.slice(-3)) expect(cache.get(key, name)).toBe(name);
      }
    }),
  );
});
