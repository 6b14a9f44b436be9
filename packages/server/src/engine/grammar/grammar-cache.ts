import type { Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { CompiledGrammar, CompileOptions } from './compile-schema.ts';

type Compile = (schema: JsonValue, options: CompileOptions) => Result<CompiledGrammar>;

/**
 * Remembers the last `max` schemas, refusals too, and forgets the least recently used. The key is the schema's JSON
 * text as it came: the order of properties is part of what the grammar says.
 */
export function createGrammarCache(compile: Compile, max: number): Compile {
  const known = new Map<string, Result<CompiledGrammar>>();
  return (schema, options) => {
    const key = `${options.path}\n${JSON.stringify(options.limits ?? {})}\n${JSON.stringify(schema)}`;
    const before = known.get(key);
    if (before !== undefined) known.delete(key);
    const result = before ?? compile(schema, options);
    known.set(key, result);
    const [oldest] = known.keys();
    if (known.size > max && oldest !== undefined) known.delete(oldest);
    return result;
  };
}
