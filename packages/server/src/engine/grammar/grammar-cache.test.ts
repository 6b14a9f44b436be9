import { expect, test } from 'vitest';
import { compileSchema } from './compile-schema.ts';
import { createGrammarCache } from './grammar-cache.ts';

function counting(max: number): { readonly cached: typeof compileSchema; readonly compiled: () => number } {
  let compiled = 0;
  const cached = createGrammarCache((schema, options) => {
    compiled += 1;
    return compileSchema(schema, options);
  }, max);
  return { cached, compiled: () => compiled };
}

test('equal schemas are compiled once, refused ones too', () => {
  const { cached, compiled } = counting(4);
  expect(cached({ type: 'string' }, { path: 's' })).toBe(cached({ type: 'string' }, { path: 's' }));
  expect(cached({ if: {} }, { path: 's' })).toBe(cached({ if: {} }, { path: 's' }));
  expect(compiled()).toBe(2);
});

test('another order of properties, another path and other limits are compiled for themselves', () => {
  const { cached, compiled } = counting(8);
  cached({ properties: { a: {}, b: {} } }, { path: 's' });
  cached({ properties: { b: {}, a: {} } }, { path: 's' });
  cached({ properties: { a: {}, b: {} } }, { path: 't' });
  cached({ properties: { a: {}, b: {} } }, { path: 's', limits: { maxDepth: 2 } });
  expect(compiled()).toBe(4);
});

test('the least recently used one is forgotten', () => {
  const { cached, compiled } = counting(2);
  const of = (value: number): unknown => cached({ const: value }, { path: 's' });
  of(1);
  of(2);
  of(1);
  of(3);
  of(1);
  expect(compiled()).toBe(3);
  of(2);
  expect(compiled()).toBe(4);
});
