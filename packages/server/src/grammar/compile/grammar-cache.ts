import type { Result } from '../../domain/failure.ts';
import { createKeyCache } from '../../domain/key-cache.ts';
import type { CompiledGrammar } from './compile-schema.ts';

/** Compiled grammars and refusals, by the text of their jobs. Each key has a fair share of the places. */
export interface GrammarCache {
  get(keyId: string, name: string): Result<CompiledGrammar> | undefined;
  set(keyId: string, name: string, result: Result<CompiledGrammar>): void;
}

/** Keeps at most `max` entries and `maxCharacters` of names and grammars together. Default: 32 Mi characters. */
export function createGrammarCache(max: number, maxCharacters = 32 * 1024 * 1024): GrammarCache {
  const known = createKeyCache<Result<CompiledGrammar>>({ maxEntries: max, maxSize: maxCharacters });
  return {
    get: known.get,
    set: (keyId, name, result) => known.set(keyId, name, result, sizeOf(name, result)),
  };
}

function sizeOf(name: string, result: Result<CompiledGrammar>): number {
  return name.length + (result.ok ? result.value.gbnf.length : 0);
}
