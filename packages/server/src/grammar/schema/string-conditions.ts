import type { JsonValue } from '../../domain/json.ts';
import { type Condition, lengthAutomaton } from '../automata/automaton.ts';
import { patternAutomaton } from '../automata/pattern-automaton.ts';
import { parsePattern } from '../automata/pattern-parser.ts';
import { shortPattern } from '../automata/short-pattern.ts';
import { formats, numberFormats, patternNames } from './formats.ts';
import { isList, type PlainPart, type Problems, tightest } from './schema-part.ts';
import { memberPath } from './schema-path.ts';

/** What parts ask of a string: texts by `pattern` and `format`, length in code points. */
export interface StringConditions {
  readonly conditions: readonly Condition[];
  readonly min: number;
  readonly max: number | undefined;
}

export function stringConditions(parts: readonly PlainPart[], problems: Problems): StringConditions {
  const conditions: Condition[] = [];
  for (const { schema, path } of parts) {
    const { pattern, format } = schema;
    const known = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
    if (typeof pattern === 'string' && known?.implies?.includes(pattern) !== true) {
      conditions.push(...patternConditions(pattern, memberPath(path, 'pattern'), problems));
    }
    const named = typeof pattern === 'string' && typeof format === 'string' && patternNames.has(format);
    if (typeof format === 'string' && !named) {
      conditions.push(...formatConditions(format, memberPath(path, 'format'), problems));
    }
  }
  return {
    conditions,
    min: tightest(parts, 'minLength', Math.max) ?? 0,
    max: tightest(parts, 'maxLength', Math.min),
  };
}

/** The same with the length as one more condition. */
export function allConditions({ conditions, min, max }: StringConditions): readonly Condition[] {
  return min === 0 && max === undefined
    ? conditions
    : [...conditions, { automaton: lengthAutomaton(min, max) }];
}

/**
 * A condition in the place of all of these, for strings that are to be written: a format whose `maxLength` is kept by
 * texts made short instead of counted ones. Undefined where something else is asked as well.
 */
export function shortConditions(
  parts: readonly PlainPart[],
  { conditions, min, max }: StringConditions,
  problems: Problems,
): readonly Condition[] | undefined {
  // More conditions could leave longer texts only.
  if (max === undefined || conditions.length !== 1) return undefined;
  const asking = parts.find(({ schema }) => schema['format'] !== undefined);
  const name = asking?.schema['format'];
  const format = typeof name === 'string' && Object.hasOwn(formats, name) ? formats[name] : undefined;
  const pattern = format?.within?.(max);
  if (asking === undefined || pattern === undefined || min > (format?.shortest ?? 0)) return undefined;
  return patternConditions(`^(?:${pattern})$`, memberPath(asking.path, 'format'), problems);
}

/**
 * Where a `pattern` and its `maxLength` are too much to count together: a condition in the place of both, for shorter
 * strings. Undefined where something else is asked as well, or where none is to be had.
 */
export function shorterConditions(
  parts: readonly PlainPart[],
  { conditions, min, max }: StringConditions,
): readonly Condition[] | undefined {
  // Beside a format the one condition could be the format's.
  const otherFormat = parts.some(({ schema: { format } }) => format !== undefined && !isPatternName(format));
  if (max === undefined || conditions.length !== 1 || otherFormat) return undefined;
  const source = parts.map(({ schema }) => schema['pattern']).find((pattern) => typeof pattern === 'string');
  const parsed = source === undefined ? undefined : parsePattern(source);
  if (parsed === undefined || 'kind' in parsed || parsed.ahead.length > 0) return undefined;
  const short = shortPattern(parsed.body, min, max);
  const automaton = short === undefined ? undefined : patternAutomaton(short);
  return automaton === undefined ? undefined : [{ automaton }];
}

function isPatternName(format: JsonValue): boolean {
  return typeof format === 'string' && patternNames.has(format);
}

/** Patterns that were built for a schema: one that an enum of thousands is held against is built once. */
const built = new WeakMap<Problems, Map<string, readonly Condition[]>>();

/** `pattern`, and the look-aheads it begins with, each as a condition. Refused at `path`. */
export function patternConditions(source: string, path: string, problems: Problems): readonly Condition[] {
  const known = built.get(problems) ?? new Map<string, readonly Condition[]>();
  built.set(problems, known);
  const conditions = known.get(source) ?? buildConditions(source, path, problems);
  known.set(source, conditions);
  return conditions;
}

function buildConditions(source: string, path: string, problems: Problems): readonly Condition[] {
  const parsed = parsePattern(source);
  if ('kind' in parsed) {
    const code = parsed.kind === 'malformed' ? 'invalid_value' : 'unsupported_parameter';
    const said = parsed.kind === 'malformed' ? 'is no regular expression' : 'cannot be enforced';
    problems.refuse(code, path, `This pattern ${said}: ${parsed.reason}.`);
    return [];
  }
  const conditions: Condition[] = [];
  for (const { body, negated } of [{ body: parsed.body, negated: false }, ...parsed.ahead]) {
    const automaton = patternAutomaton(body);
    if (automaton === undefined)
      problems.refuse('invalid_value', path, 'This pattern is too large; ask for fewer repetitions.');
    else conditions.push({ automaton, negated });
  }
  return conditions;
}

function formatConditions(name: string, path: string, problems: Problems): readonly Condition[] {
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) {
    const known = Object.keys(formats).join(', ');
    problems.refuse(
      'unsupported_parameter',
      path,
      `The format ${JSON.stringify(name)} cannot be enforced; known for strings are ${known}. A “pattern” may say what is meant.`,
    );
    return [];
  }
  return format.pattern === undefined ? [] : patternConditions(`^(?:${format.pattern})$`, path, problems);
}

/** A format is an assertion here; one that nobody knows is refused wherever it stands. */
export function checkNumberFormat({ schema, path }: PlainPart, problems: Problems): void {
  const { format, type } = schema;
  if (typeof format !== 'string' || Object.hasOwn(numberFormats, format) || Object.hasOwn(formats, format))
    return;
  if (isList(type) && type.includes('string')) return;
  problems.refuse(
    'unsupported_parameter',
    memberPath(path, 'format'),
    `The format ${JSON.stringify(format)} cannot be enforced; known for numbers are ${Object.keys(numberFormats).join(', ')}.`,
  );
}
