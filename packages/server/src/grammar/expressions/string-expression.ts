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
    // What is asked in the same words, three hundred addresses for instance, is computed and written once.
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

/** What counting the length beside a pattern may take; the same wherever it is compiled, so that the answer is too. */
const countingWork = 100_000;

/**
 * Strings of a pattern and a length, and shorter ones than are asked for where all of them are too many states.
 * Undefined where that is no way, or where too little work is left to say.
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
