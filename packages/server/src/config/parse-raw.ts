import type * as z from 'zod';
import { nearest } from '../domain/nearest.ts';
import { type ConfigPath, expected, formatPath, showText } from './config-problem.ts';
import { isMapping } from './overrides.ts';
import type { ProblemList } from './problem-list.ts';
import { configSchema, type RawConfig } from './schema.ts';

/**
 * Checks the form of every value and reports the mistakes. A refused value is replaced by its default, so that the checks
 * that compare values still run, and one start shows all mistakes.
 */
export function parseRaw(data: unknown, problems: ProblemList): RawConfig {
  const first = configSchema.safeParse(data);
  if (first.success) return first.data;
  const cut: ConfigPath[] = [];
  for (const issue of first.error.issues) reportIssue(issue, data, problems, cut);
  // Where a key is cut that must be there, what holds it is cut next: at most as often as the schema is deep.
  for (let round = 0; round < deepest; round += 1) {
    const next = configSchema.safeParse(without(data, cut));
    if (next.success) return next.data;
    for (const { path } of next.error.issues) cut.push(namesOf(path.slice(0, -1)));
  }
  return configSchema.parse({});
}

type Issue = z.core.$ZodIssue;

/** `models.NAME.price.above[0].tokens`. */
const deepest = 6;

function namesOf(path: readonly PropertyKey[]): ConfigPath {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function reportIssue(issue: Issue, data: unknown, problems: ProblemList, cut: ConfigPath[]): void {
  const path = namesOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path);
    for (const key of issue.keys) {
      const guess = nearest(key, known);
      const hint = guess === undefined ? `; known here: ${known.join(', ')}` : ` (did you mean "${guess}"?)`;
      problems.report([...path, key], `unknown key "${showText(key)}"${hint}`, 'key');
      cut.push([...path, key]);
    }
    return;
  }
  const value = valueAt(data, path);
  const hint = issue.code === 'custom' ? String(issue.params?.['hint'] ?? '') : switchHint(value, path);
  const what =
    issue.code === 'custom'
      ? issue.message
      : issue.code === 'invalid_type'
        ? (containers[issue.expected] ?? issue.expected)
        : issue.message;
  problems.report(path, expected(what, value, path, hint));
  cut.push(path);
}

/** For `engine: no`: a section that can be switched off is switched off inside. */
function switchHint(value: unknown, path: ConfigPath): string {
  const isOff =
    value === false || (typeof value === 'string' && ['no', 'off', 'false', 'none'].includes(value));
  if (!isOff || !knownKeys(path).includes('enabled')) return '';
  return ` (to switch it off: ${formatPath(path)}: {enabled: false})`;
}

const containers: Readonly<Record<string, string>> = {
  object: 'a mapping (key: value)',
  record: 'a mapping (name: …)',
  array: 'a list',
};

/** The keys that the schema knows at a path. The path may lead through any key of a record and any position of a list. */
export function knownKeys(path: ConfigPath): readonly string[] {
  let schema: z.core.$ZodType = configSchema;
  for (const step of path) {
    const { def } = unwrapped(schema)._zod as { def: SchemaDefinition };
    const next = def.shape?.[String(step)] ?? def.valueType ?? def.element;
    if (next === undefined) return [];
    schema = next;
  }
  const { def } = unwrapped(schema)._zod as { def: SchemaDefinition };
  return Object.keys(def.shape ?? {});
}

/** The parts of the schema library's definitions that are used here: of an object, a record, a list, a wrapper. */
interface SchemaDefinition {
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType } = schema._zod.def as SchemaDefinition;
  return innerType === undefined ? schema : unwrapped(innerType);
}

export function valueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return value[Number(step)];
    return isMapping(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, data);
}

/** The data without the values at these paths. A list is kept or left out as a whole: positions in messages stay true. */
function without(data: unknown, cut: readonly ConfigPath[]): unknown {
  const gone = new Set(
    cut.map((path) => JSON.stringify(path.slice(0, typeof path.at(-1) === 'number' ? -1 : path.length))),
  );
  const copy = (value: unknown, path: ConfigPath): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => copy(item, [...path, index]));
    if (!isMapping(value)) return value;
    const kept = Object.entries(value).filter(([key]) => !gone.has(JSON.stringify([...path, key])));
    return Object.fromEntries(kept.map(([key, item]) => [key, copy(item, [...path, key])]));
  };
  return copy(data, []);
}
