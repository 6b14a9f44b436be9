import { expect, test } from 'vitest';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { CompiledGrammar } from './compile-schema.ts';
import { createGrammarCache } from './grammar-cache.ts';

function grammar(gbnf: string): Result<CompiledGrammar> {
  return ok({ gbnf, ruleCount: 1, mostDerivations: 1 });
}

test('finds grammars and refusals that it keeps', () => {
  const cache = createGrammarCache(4);
  const refusal: Result<CompiledGrammar> = fail(failure('invalid_value', 'no'));
  cache.set('k', 'a', grammar('x'));
  cache.set('k', 'b', refusal);
  expect(cache.get('k', 'a')).toEqual(grammar('x'));
  expect(cache.get('k', 'b')).toBe(refusal);
  expect(cache.get('k', 'c')).toBeUndefined();
});

test('forgets the entry that was used least recently', () => {
  const cache = createGrammarCache(2);
  cache.set('k', 'a', grammar('x'));
  cache.set('k', 'b', grammar('x'));
  cache.get('k', 'a');
  cache.set('k', 'c', grammar('x'));
  expect(['a', 'b', 'c'].map((key) => cache.get('k', key) !== undefined)).toEqual([true, false, true]);
});

test('forgets entries when their characters are too many', () => {
  const cache = createGrammarCache(10, 100);
  cache.set('k', 'a', grammar('x'.repeat(60)));
  cache.set('k', 'b', grammar('x'.repeat(60)));
  expect(cache.get('k', 'a')).toBeUndefined();
  expect(cache.get('k', 'b')).toBeDefined();
  cache.set('k', 'b', grammar('x'));
  cache.set('k', 'c', grammar('x'.repeat(60)));
  expect(cache.get('k', 'b')).toBeDefined();
});
