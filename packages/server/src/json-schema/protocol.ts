import type { Breach } from './compile-validator.ts';
import type { SchemaProblem } from './schema-problem.ts';

/** What the worker is asked: to compile a schema, and to hold an answer to it where there is one. */
export interface SchemaTask {
  /** As JSON text, by which it is known again. Absent: the answer has to be JSON, and no more. */
  readonly schema?: string;
  /** Escaped, as it stands inside a JSON string. */
  readonly answer?: string;
}

/** A task and whose it is: compiled schemas are kept by key. */
export interface OwnedTask extends SchemaTask {
  readonly keyId: string;
}

export type SchemaFinding =
  | { readonly type: 'right' }
  | { readonly type: 'schema'; readonly problem: SchemaProblem }
  | { readonly type: 'not-json' }
  | { readonly type: 'breach'; readonly breach: Breach }
  /** Not decidable: the value nests too deeply, or the compiled code threw. */
  | { readonly type: 'undecided'; readonly why: string };
