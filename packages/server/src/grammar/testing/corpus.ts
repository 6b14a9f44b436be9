import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../domain/json.ts';

/** A schema with values it allows, written in the order of its properties, and values it does not. */
export interface CorpusEntry {
  readonly name: string;
  readonly schema: JsonValue;
  readonly valid: readonly JsonValue[];
  readonly invalid: readonly JsonValue[];
}

/** All schemas of `corpus/`; each file says in its `note` where they come from. */
export function readCorpus(): readonly CorpusEntry[] {
  return ['written', 'zod', 'pydantic'].flatMap((name) => {
    const file = readFileSync(new URL(`./corpus/${name}.json`, import.meta.url), 'utf8');
    const { entries } = JSON.parse(file) as { readonly entries: readonly CorpusEntry[] };
    return entries;
  });
}
