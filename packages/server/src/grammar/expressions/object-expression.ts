import type { JsonValue } from '../../domain/json.ts';
import { type Condition, meets, textsAutomaton } from '../automata/automaton.ts';
import { choice, type Expression, never, sequence, text } from '../rules/expression.ts';
import { countBounds } from '../schema/bounds.ts';
import { definedNames } from '../schema/properties.ts';
import { isInert, listOf, mapOf, type Part, type PlainPart } from '../schema/schema-part.ts';
import { memberPath } from '../schema/schema-path.ts';
import { finiteValues } from '../schema/schema-types.ts';
import { allConditions, patternConditions, stringConditions } from '../schema/string-conditions.ts';
import type { Compiler } from './compiler.ts';
import { anyString, literal } from './json-strings.ts';
import { orderedList } from './ordered-list.ts';
import { colon, comma } from './shared-rules.ts';
import { pathOf, tableOf } from './string-expression.ts';

/** The most patterns of patternProperties in one object: each combination of patterns needs an automaton of its own. */
const maxKeyPatterns = 3;

interface KeyPattern {
  readonly conditions: readonly Condition[];
  readonly owner: PlainPart;
  readonly value: Part;
}

export function objectExpression(compiler: Compiler, parts: readonly PlainPart[]): Expression {
  const { rules, problems, limits } = compiler;
  const patterns = keyPatterns(compiler, parts);
  const names = nameConditions(compiler, parts);
  const required = new Set(parts.flatMap(({ schema }) => listOf(schema, 'required')));
  const keys = definedNames(parts);
  const closed = new Set([...keys, ...(names.finite ?? [])]);
  if (problems.first !== undefined) return never;
  if (closed.size > limits.maxProperties) {
    problems.refuse(
      'invalid_value',
      pathOf(parts, ['properties', 'required']),
      `An object may have at most ${limits.maxProperties} properties.`,
    );
    return never;
  }
  const entries = [...closed].map((name) => {
    const allowed = meets(names.conditions, name) && names.finite?.includes(name) !== false;
    const value = allowed ? compiler.value(valueParts(parts, patterns, name)) : never;
    return { body: sequence(literal(name), colon(rules), value), required: required.has(name) };
  });
  const others =
    names.finite === undefined ? otherMembers(compiler, parts, patterns, names.conditions, closed) : never;
  const { min, max } = countBounds(parts, 'minProperties', 'maxProperties');
  const needed = entries.filter((entry) => entry.required).length;
  if (min > entries.length + 1 && others.kind !== 'choice') {
    problems.refuse(
      'unsupported_parameter',
      pathOf(parts, ['minProperties']),
      '“minProperties” is enforced only over properties that are defined: free names cannot be kept apart from one another. Define them, or leave it out.',
    );
    return never;
  }
  const least = min <= needed ? 0 : min;
  const most = max !== undefined && (others.kind !== 'choice' || max < entries.length) ? { max } : {};
  if (entries.length * Math.max(least, most.max ?? 0) > limits.maxRules / 4) {
    problems.refuse(
      'invalid_value',
      pathOf(parts, ['minProperties', 'maxProperties']),
      'So many properties cannot be counted.',
    );
    return never;
  }
  return sequence(
    text('{'),
    orderedList(rules, { entries, others, min: least, ...most, comma: comma(rules) }),
    text('}'),
  );
}

/** The schemas that the value of a property must satisfy; `false` is one of them where a part forbids the name. */
function valueParts(
  parts: readonly PlainPart[],
  patterns: readonly KeyPattern[],
  name: string,
): readonly Part[] {
  return parts.flatMap((part): readonly Part[] => {
    const properties = mapOf(part.schema, 'properties');
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const matching = patterns.filter(({ owner, conditions }) => owner === part && meets(conditions, name));
    const found = matching.map(({ value }) => value);
    if (own !== undefined)
      found.push({ schema: own, path: memberPath(memberPath(part.path, 'properties'), name) });
    return found.length > 0 ? found : additional(part);
  });
}

function additional({ schema, path }: PlainPart): readonly Part[] {
  const value = schema['additionalProperties'];
  return value === undefined ? [] : [{ schema: value, path: memberPath(path, 'additionalProperties') }];
}

/**
 * Members whose names are not defined. An object that defines properties and has no `additionalProperties` has none of
 * them: fewer objects than the specification allows, and what authors mean.
 */
function otherMembers(
  compiler: Compiler,
  parts: readonly PlainPart[],
  patterns: readonly KeyPattern[],
  names: readonly Condition[],
  closed: ReadonlySet<string>,
): Expression {
  const allowsOthers = parts.some(({ schema }) => schema['additionalProperties'] !== undefined);
  const defines = parts.some(
    ({ schema }) => schema['properties'] !== undefined || schema['patternProperties'] !== undefined,
  );
  const open = allowsOthers || !defines;
  const apart: readonly Condition[] =
    closed.size === 0 ? names : [...names, { automaton: textsAutomaton(closed), negated: true }];
  const kinds: Expression[] = [];
  for (let chosen = open ? 0 : 1; chosen < 2 ** patterns.length; chosen += 1) {
    const matching = patterns.filter((_, index) => (chosen & (1 << index)) !== 0);
    const values = parts.flatMap((part) => {
      const own = matching.filter(({ owner }) => owner === part).map(({ value }) => value);
      return own.length > 0 ? own : additional(part);
    });
    if (values.some(({ schema }) => schema === false)) continue;
    const conditions = [
      ...apart,
      ...patterns.flatMap((pattern, index) => combined(pattern, (chosen & (1 << index)) !== 0)),
    ];
    const path = pathOf(parts, ['patternProperties', 'propertyNames', 'additionalProperties', 'properties']);
    const key = conditions.length === 0 ? anyString(compiler.rules) : tableOf(compiler, conditions, path);
    if (key.kind === 'choice') continue;
    kinds.push(sequence(key, colon(compiler.rules), compiler.value(values)));
  }
  return kinds.length === 0 ? never : compiler.rules.define(choice(...kinds));
}

function combined({ conditions }: KeyPattern, matches: boolean): readonly Condition[] {
  return matches
    ? conditions
    : conditions.map(({ automaton, negated }) => ({ automaton, negated: negated !== true }));
}

function keyPatterns({ problems }: Compiler, parts: readonly PlainPart[]): readonly KeyPattern[] {
  const found: KeyPattern[] = [];
  for (const owner of parts) {
    const at = memberPath(owner.path, 'patternProperties');
    for (const [source, schema] of Object.entries(mapOf(owner.schema, 'patternProperties'))) {
      const path = memberPath(at, source);
      const conditions = patternConditions(source, path, problems);
      // The negation of several conditions is not a list of conditions, which must all hold.
      if (conditions.length > 1)
        problems.refuse(
          'unsupported_parameter',
          path,
          'Look-aheads in the names of “patternProperties” are not supported.',
        );
      found.push({ conditions, owner, value: { schema, path } });
    }
    if (found.length > maxKeyPatterns)
      problems.refuse(
        'unsupported_parameter',
        at,
        `At most ${maxKeyPatterns} patterns for names are enforced in one object.`,
      );
  }
  return found;
}

interface NameConditions {
  readonly conditions: readonly Condition[];
  /** The names that are allowed, where they are listed. */
  readonly finite?: readonly string[];
}

/** The conditions of `propertyNames` on every name. They may be those of a string schema without alternatives. */
function nameConditions(compiler: Compiler, parts: readonly PlainPart[]): NameConditions {
  const conditions: Condition[] = [];
  let finite: readonly string[] | undefined;
  for (const owner of parts) {
    const schema = owner.schema['propertyNames'];
    if (schema === undefined) continue;
    const path = memberPath(owner.path, 'propertyNames');
    const part: Part = { schema, path };
    const { plain, impossible } = compiler.document.expand([part]);
    const values = finiteValues(plain)?.values;
    if (impossible || values !== undefined) {
      const own = stringsAmong(values ?? []).filter((name) => compiler.satisfies(name, [part]));
      const before: readonly string[] | undefined = finite;
      finite = before === undefined ? own : before.filter((name) => own.includes(name));
      continue;
    }
    const asserting = plain.filter((inner) => !isInert(inner));
    if (asserting.some(({ schema: inner }) => Object.keys(inner).some((name) => beyondStrings.has(name)))) {
      compiler.problems.refuse(
        'unsupported_parameter',
        path,
        '“propertyNames” is enforced with pattern, format, length, enum and const only.',
      );
    }
    conditions.push(...allConditions(stringConditions(asserting, compiler.problems)));
  }
  return { conditions, ...(finite === undefined ? {} : { finite }) };
}

const beyondStrings = new Set(['anyOf', 'oneOf', 'not']);

function stringsAmong(values: readonly JsonValue[]): readonly string[] {
  return values.filter((value) => typeof value === 'string');
}
