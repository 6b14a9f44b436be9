import type { JsonValue } from '../../domain/json.ts';
import type { Work } from '../automata/determinise.ts';
import type { Expression } from '../rules/expression.ts';
import type { GrammarLimits } from '../rules/limits.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import type { SchemaDocument } from '../schema/schema-document.ts';
import type { Part, Problems } from '../schema/schema-part.ts';

/** What the compilers of the single types work with. */
export interface Compiler {
  readonly rules: RuleSet;
  readonly problems: Problems;
  readonly document: SchemaDocument;
  readonly limits: GrammarLimits;
  /** What is left of the limit on computing, for the whole schema. */
  readonly work: Work;
  /** The values that satisfy all parts, as a reference to a rule; equal parts share one. */
  value(parts: readonly Part[]): Expression;
  /** Whether a known value satisfies all parts. */
  satisfies(value: JsonValue, parts: readonly Part[]): boolean;
}
