import type { Result } from '../../domain/failure.ts';
import type { CompiledGrammar } from './compile-schema.ts';

/** Compiled grammars and refusals, by the text of what they were made of. */
export interface GrammarCache {
  get(key: string): Result<CompiledGrammar> | undefined;
  set(key: string, result: Result<CompiledGrammar>): void;
}

/** Forgets the least recently used beyond `max` entries, or beyond `maxCharacters` of keys and grammars together. */
export function createGrammarCache(max: number, maxCharacters = 32 * 1024 * 1024): GrammarCache {
  const known = new Map<string, Result<CompiledGrammar>>();
  let characters = 0;

  function drop(key: string): Result<CompiledGrammar> | undefined {
    const result = known.get(key);
    if (result === undefined) return undefined;
    known.delete(key);
    characters -= sizeOf(key, result);
    return result;
  }

  function set(key: string, result: Result<CompiledGrammar>): void {
    drop(key);
    known.set(key, result);
    characters += sizeOf(key, result);
    for (const oldest of known.keys()) {
      if (known.size <= max && characters <= maxCharacters) return;
      drop(oldest);
    }
  }

  return {
    get(key) {
      const result = drop(key);
      if (result !== undefined) set(key, result);
      return result;
    },
    set,
  };
}

function sizeOf(key: string, result: Result<CompiledGrammar>): number {
  return key.length + (result.ok ? result.value.gbnf.length : 0);
}
