import type { Condition } from './automaton.ts';
import type { Compiler } from './compiler.ts';
import { determinise } from './determinise.ts';
import { type Expression, never } from './expression.ts';
import { stringOfLength, stringOfTable } from './json-text.ts';
import type { PlainPart } from './schema-part.ts';
import { memberPath } from './schema-path.ts';
import { allConditions, shortConditions, stringConditions } from './string-conditions.ts';

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
    // What is asked in the same words, three hundred addresses for instance, is computed and written once.
    const asks = parts.map(({ schema }) => [schema['pattern'], schema['format']]);
    const key = `string:${JSON.stringify([asks, min, max])}`;
    const short = shortConditions(parts, asked, problems);
    return rules.shared(key, () => tableOf(compiler, short ?? allConditions(asked), path));
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

/** A JSON string that meets the conditions; refused at `path` where the automaton is too large. */
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

/** The first keyword of a list that one of the parts has, as a path. */
export function pathOf(parts: readonly PlainPart[], names: readonly string[]): string {
  for (const name of names) {
    const part = parts.find(({ schema }) => schema[name] !== undefined);
    if (part !== undefined) return memberPath(part.path, name);
  }
  return parts[0]?.path ?? '';
}
