import type { JsonValue } from '../../domain/json.ts';
import { type Condition, lengthAutomaton } from '../automata/automaton.ts';
import { patternAutomaton } from '../automata/pattern-automaton.ts';
import { parsePattern } from '../automata/pattern-parser.ts';
import { shortPattern } from '../automata/short-pattern.ts';
import { formats, numberFormats, patternNames } from './formats.ts';
import { isList, type PlainPart, type Problems, tightest } from './schema-part.ts';
import { memberPath } from './schema-path.ts';

/** What parts require of a string: conditions from `pattern` and `format`, and the length in code points. */
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

/** All conditions, with the length as one of them. */
export function allConditions({ conditions, min, max }: StringConditions): readonly Condition[] {
  return min === 0 && max === undefined
    ? conditions
    : [...conditions, { automaton: lengthAutomaton(min, max) }];
}

/**
 * A condition that replaces a `format` and its `maxLength`: a pattern of the format whose texts are short enough, so
 * the length is not counted. Undefined where the parts have other conditions, or the format has no such pattern.
 */
export function shortConditions(
  parts: readonly PlainPart[],
  { conditions, min, max }: StringConditions,
  problems: Problems,
): readonly Condition[] | undefined {
  // With a second condition it is possible that only longer texts are left.
  if (max === undefined || conditions.length !== 1) return undefined;
  const asking = parts.find(({ schema }) => schema['format'] !== undefined);
  const name = asking?.schema['format'];
  const format = typeof name === 'string' && Object.hasOwn(formats, name) ? formats[name] : undefined;
  const pattern = format?.within?.(max);
  if (asking === undefined || pattern === undefined || min > (format?.shortest ?? 0)) return undefined;
  return patternConditions(`^(?:${pattern})$`, memberPath(asking.path, 'format'), problems);
}

/**
 * A condition that replaces a `pattern` and its `maxLength`, for shorter strings, where counting the length in the
 * automaton of the pattern costs too much. Undefined where the parts have other conditions, or the pattern cannot be
 * made short.
 */
export function shorterConditions(
  parts: readonly PlainPart[],
  { conditions, min, max }: StringConditions,
): readonly Condition[] | undefined {
  // With a format the only condition may be that of the format.
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

/** Conditions that were built for a schema: thousands of values of an enum are checked against one pattern. */
const built = new WeakMap<Problems, Map<string, readonly Condition[]>>();

/**
 * A condition for `pattern` and one for each look-ahead at its start. A pattern that cannot be built is refused at
 * `path`.
 */
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

/** Refuses unknown formats of numbers: a format is an assertion here, so an unknown one cannot be ignored. */
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
