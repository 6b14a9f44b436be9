import type { Condition } from '../automata/automaton.ts';
import { determinise } from '../automata/determinise.ts';
import { type Expression, never } from '../rules/expression.ts';
import type { PlainPart } from '../schema/schema-part.ts';
import { memberPath } from '../schema/schema-path.ts';
import {
  allConditions,
  type StringConditions,
  shortConditions,
  shorterConditions,
  stringConditions,
} from '../schema/string-conditions.ts';
import type { Compiler } from './compiler.ts';
import { stringOfLength, stringOfTable } from './json-strings.ts';

export function stringExpression(compiler: Compiler, parts: readonly PlainPart[]): Expression {
  const { rules, problems, limits } = compiler;
  const asked = stringConditions(parts, problems);
  const { conditions, min, max } = asked;
  if (problems.first !== undefined) return never;
  const path = pathOf(parts, ['pattern', 'format', 'minLength', 'maxLength']);
  if (min > limits.maxCount) {
    problems.refuse(
      'invalid_value',
      pathOf(parts, ['minLength']),
      `At most ${limits.maxCount} characters can be asked for.`,
    );
    return never;
  }
  if (conditions.length > 0) {
    // Equal conditions share a rule: a schema may have three hundred addresses.
    const asks = parts.map(({ schema }) => [schema['pattern'], schema['format']]);
    const key = `string:${JSON.stringify([asks, min, max])}`;
    const short = shortConditions(parts, asked, problems);
    return rules.shared(
      key,
      () => shorterTable(compiler, parts, asked) ?? tableOf(compiler, short ?? allConditions(asked), path),
    );
  }
  if (max !== undefined && max > limits.maxCount) {
    problems.refuse(
      'invalid_value',
      pathOf(parts, ['maxLength']),
      `At most ${limits.maxCount} characters can be counted; leave “maxLength” out for a string without bound.`,
    );
    return never;
  }
  return stringOfLength(rules, min, max);
}

/** The work for counting the length beside a pattern: a constant, so that a schema has the same grammar everywhere. */
const countingWork = 100_000;

/**
 * The strings of a pattern and a `maxLength`; only shorter ones where counting the length takes too many states.
 * Undefined where the conditions are of another kind, or where too little work is left to decide that.
 */
function shorterTable(
  { rules, limits, work }: Compiler,
  parts: readonly PlainPart[],
  asked: StringConditions,
): Expression | undefined {
  const shorter = shorterConditions(parts, asked);
  if (shorter === undefined) return undefined;
  const trial = { left: Math.min(work.left, countingWork) };
  const before = trial.left;
  const exact = determinise(allConditions(asked), limits.maxStates, trial);
  work.left -= before - trial.left;
  const table = exact ?? (before < countingWork ? undefined : determinise(shorter, limits.maxStates, work));
  return table === undefined ? undefined : stringOfTable(rules, table);
}

/** The JSON strings that meet the conditions; refused at `path` where the automaton is too large. */
export function tableOf(
  { rules, problems, limits, work }: Compiler,
  conditions: readonly Condition[],
  path: string,
): Expression {
  const table = determinise(conditions, limits.maxStates, work);
  if (table !== undefined) return stringOfTable(rules, table);
  problems.refuse(
    'invalid_value',
    path,
    'What is asked of this string is too large to be enforced; ask for a shorter one or a simpler pattern.',
  );
  return never;
}

/** The path of the first of these keywords that a part has; else the path of the first part. */
export function pathOf(parts: readonly PlainPart[], names: readonly string[]): string {
  for (const name of names) {
    const part = parts.find(({ schema }) => schema[name] !== undefined);
    if (part !== undefined) return memberPath(part.path, name);
  }
  return parts[0]?.path ?? '';
}
