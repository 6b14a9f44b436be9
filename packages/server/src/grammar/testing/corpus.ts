import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../domain/json.ts';

/** A schema with valid values, whose members are in the order of its properties, and invalid values. */
export interface CorpusEntry {
  readonly name: string;
  readonly schema: JsonValue;
  readonly valid: readonly JsonValue[];
  readonly invalid: readonly JsonValue[];
}

/** All schemas of `corpus/`; the `note` of each file names their origin. */
export function readCorpus(): readonly CorpusEntry[] {
  return ['written', 'zod', 'pydantic'].flatMap((name) => {
    const file = readFileSync(new URL(`./corpus/${name}.json`, import.meta.url), 'utf8');
    const { entries } = JSON.parse(file) as { readonly entries: readonly CorpusEntry[] };
    return entries;
  });
}
