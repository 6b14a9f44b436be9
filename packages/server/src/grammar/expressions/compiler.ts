import type { JsonValue } from '../../domain/json.ts';
import type { Work } from '../automata/determinise.ts';
import type { Expression } from '../rules/expression.ts';
import type { GrammarLimits } from '../rules/limits.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import type { SchemaDocument } from '../schema/schema-document.ts';
import type { Part, Problems } from '../schema/schema-part.ts';

/** What the compilers of the types share. */
export interface Compiler {
  readonly rules: RuleSet;
  readonly problems: Problems;
  readonly document: SchemaDocument;
  readonly limits: GrammarLimits;
  /** The work that is left for the whole schema. */
  readonly work: Work;
  /** A reference to the rule of the values that satisfy all parts; equal parts share a rule. */
  value(parts: readonly Part[]): Expression;
  /** True where this value satisfies all parts. */
  satisfies(value: JsonValue, parts: readonly Part[]): boolean;
}
