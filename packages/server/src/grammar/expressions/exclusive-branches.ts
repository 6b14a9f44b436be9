import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { numberBounds } from '../schema/bounds.ts';
import { definedNames, forbids } from '../schema/properties.ts';
import { isList, listOf, mapOf, type Part, type PlainPart } from '../schema/schema-part.ts';
import { itemPath, memberPath } from '../schema/schema-path.ts';
import { finiteValues, typesOf } from '../schema/schema-types.ts';
import type { Compiler } from './compiler.ts';

/** The depth to which alternatives within alternatives and properties within properties are compared. */
const maxNesting = 3;

/**
 * How two alternatives exclude each other: as they are (no members); once both have the property `require`; or once
 * neither has the property of the other that `forbid` names. Undefined: it is not known that they do.
 */
type Exclusion =
  | {
      readonly require?: string;
      readonly forbid?: { readonly first: string; readonly second: string };
    }
  | undefined;

/**
 * The alternatives of a `oneOf`, of which exactly one may hold for a value. A grammar cannot match one alternative and
 * exclude another, so any two must exclude each other: by type, by listed values, by bounds, or by a property that has
 * other values in each. Where such a property is optional it is made required here: fewer values than the specification
 * allows, and what discriminated unions mean. Where each of two requires a property that the other does not require,
 * neither is written with the property of the other. Refused at `path` where two do not exclude each other.
 */
export function exclusiveBranches(
  compiler: Compiler,
  branches: readonly Part[],
  others: readonly PlainPart[],
  path: string,
): readonly (readonly Part[])[] {
  const { problems, limits, document } = compiler;
  if (branches.length > limits.maxExclusive) {
    problems.refuse(
      'invalid_value',
      path,
      `A oneOf may have at most ${limits.maxExclusive} alternatives; an anyOf may have more.`,
    );
    return [];
  }
  const plain = branches.map((branch) => document.expand([branch, ...others]));
  if (discriminated(plain.map((branch) => branch.plain))) return branches.map((branch) => [branch]);
  const needed = branches.map(() => new Set<string>());
  const barred = branches.map(() => new Set<string>());
  for (let a = 0; a < branches.length; a += 1) {
    for (let b = a + 1; b < branches.length; b += 1) {
      const one = plain[a];
      const other = plain[b];
      if (one === undefined || other === undefined || one.impossible || other.impossible) continue;
      const apart = compare(one.plain, other.plain, 0);
      if (problems.first !== undefined) return [];
      if (apart?.require !== undefined) {
        needed[a]?.add(apart.require);
        needed[b]?.add(apart.require);
      }
      if (apart?.forbid !== undefined) {
        barred[a]?.add(apart.forbid.first);
        barred[b]?.add(apart.forbid.second);
      }
      // One comparison may require a property that another forbids: no value of the alternative would be left.
      const contradictory = [a, b].some((index) =>
        [...(needed[index] ?? [])].some((name) => barred[index]?.has(name)),
      );
      if (apart !== undefined && !contradictory) continue;
      problems.refuse(
        'unsupported_parameter',
        path,
        `“oneOf” is enforced only where its alternatives exclude each other by type, by listed values, by a property with other values in each or by properties that only one of them requires; ${a} and ${b} may both hold. Use “anyOf”, or give each a property with a “const” of its own.`,
      );
      return [];
    }
  }
  return branches.map((branch, index) => [
    branch,
    ...[...(needed[index] ?? [])].map((name) => requiring(name, path)),
    ...[...(barred[index] ?? [])].map((name) => forbidding(name, path)),
  ]);

  function compare(a: readonly PlainPart[], b: readonly PlainPart[], nesting: number): Exclusion {
    if (nesting > maxNesting || problems.first !== undefined) return undefined;
    const split = alternativesOf(a) ?? alternativesOf(b);
    if (split !== undefined) {
      const other = alternativesOf(a) === undefined ? a : b;
      const all = split.every((way) => {
        const { plain: expanded, impossible } = document.expand(way);
        if (impossible) return true;
        const apart = compare(expanded, other, nesting + 1);
        return apart !== undefined && asTheyAre(apart);
      });
      return all ? {} : undefined;
    }
    const common = commonTypes(a, b);
    if (common.length === 0) return {};
    const byValue = compareValues(a, b);
    if (byValue !== undefined) return byValue;
    if (common.every((type) => type === 'number')) return compareBounds(a, b);
    return common.length === 1 && common[0] === 'object' ? compareMembers(a, b, nesting) : undefined;
  }

  /**
   * The types that one alternative writes and the other allows. An implied type limits what is written; a validator
   * allows every type there.
   */
  function commonTypes(a: readonly PlainPart[], b: readonly PlainPart[]): readonly string[] {
    const written = (parts: readonly PlainPart[]): readonly string[] =>
      // Listed values are written as they are; the other keywords imply no type for them.
      finiteValues(parts)?.values.map(typeOf) ??
      typesOf(parts, problems).map((type) => (type === 'integer' ? 'number' : type));
    const allowed = (parts: readonly PlainPart[]): readonly string[] =>
      hasStatedTypes(parts) ? written(parts) : allTypes;
    return allTypes.filter(
      (type) =>
        (written(a).includes(type) && allowed(b).includes(type)) ||
        (written(b).includes(type) && allowed(a).includes(type)),
    );
  }

  function compareValues(a: readonly PlainPart[], b: readonly PlainPart[]): Exclusion {
    const first = finiteValues(a)?.values;
    const second = finiteValues(b)?.values;
    if (
      first !== undefined &&
      !first.some((value) => compiler.satisfies(value, a) && compiler.satisfies(value, b))
    )
      return {};
    if (
      second !== undefined &&
      !second.some((value) => compiler.satisfies(value, a) && compiler.satisfies(value, b))
    )
      return {};
    return undefined;
  }

  function compareMembers(a: readonly PlainPart[], b: readonly PlainPart[], nesting: number): Exclusion {
    let candidate: string | undefined;
    for (const name of new Set([...definedNames(a), ...definedNames(b)])) {
      const always = { a: requires(a, name), b: requires(b, name) };
      if (always.a && b.some((part) => forbids(part, name))) return {};
      if (always.b && a.some((part) => forbids(part, name))) return {};
      const first = memberParts(a, name);
      const second = memberParts(b, name);
      if (first.length === 0 || second.length === 0) continue;
      const apart = compare(document.expand(first).plain, document.expand(second).plain, nesting + 1);
      if (apart === undefined || !asTheyAre(apart)) continue;
      if (always.a && always.b) return {};
      candidate ??= name;
    }
    return candidate === undefined ? compareRequired(a, b) : { require: candidate };
  }
}

/** Both alternatives need such a property: one alone would exclude one direction only. */
function compareRequired(a: readonly PlainPart[], b: readonly PlainPart[]): Exclusion {
  const first = requiredAlone(b, a);
  const second = requiredAlone(a, b);
  return first === undefined || second === undefined ? undefined : { forbid: { first, second } };
}

/** A property that `one` requires and `other` does not; one that `other` does not define where there is such. */
function requiredAlone(one: readonly PlainPart[], other: readonly PlainPart[]): string | undefined {
  const names = [...definedNames(one)].filter((name) => requires(one, name) && !requires(other, name));
  return names.find((name) => memberParts(other, name).length === 0) ?? names[0];
}

function asTheyAre({ require, forbid }: NonNullable<Exclusion>): boolean {
  return require === undefined && forbid === undefined;
}

/**
 * True for the ordinary union: objects with a required property that has other plain values in each. One pass decides
 * this; to compare any two of two hundred alternatives takes half a second.
 */
function discriminated(branches: readonly (readonly PlainPart[])[]): boolean {
  const [first = []] = branches;
  const objects = branches.every((parts) => parts.some(({ schema }) => schema['type'] === 'object'));
  return objects && [...definedNames(first)].slice(0, maxDiscriminators).some(apart);

  function apart(name: string): boolean {
    const seen = new Map<JsonValue, number>();
    return branches.every((parts, index) => {
      const values = requires(parts, name) ? (listedValues(parts, name) ?? []) : [];
      return (
        values.length > 0 &&
        values.every((value) => {
          const owner = seen.get(value) ?? index;
          seen.set(value, owner);
          return owner === index && (typeof value !== 'object' || value === null);
        })
      );
    });
  }
}

/** The most properties of the first alternative that are examined as discriminators. */
const maxDiscriminators = 20;

/** The values that a property lists; references are not followed. */
function listedValues(parts: readonly PlainPart[], name: string): readonly JsonValue[] | undefined {
  for (const { schema } of memberParts(parts, name)) {
    if (!isObject(schema)) continue;
    if (schema['const'] !== undefined) return [schema['const']];
    if (isList(schema['enum'])) return schema['enum'];
  }
  return undefined;
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null';
  return isList(value) ? 'array' : typeof value;
}

const allTypes = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/** True where `type` or `not` states the types, so a validator has the same types as the compiler. */
function hasStatedTypes(parts: readonly PlainPart[]): boolean {
  return parts.some(({ schema }) => schema['type'] !== undefined || schema['not'] !== undefined);
}

function alternativesOf(parts: readonly PlainPart[]): readonly (readonly Part[])[] | undefined {
  for (const part of parts) {
    for (const name of ['anyOf', 'oneOf']) {
      const list = part.schema[name];
      if (!isList(list) || part.taken?.includes(name) === true) continue;
      const rest = parts.map((other) =>
        other === part ? { ...part, taken: [...(part.taken ?? []), name] } : other,
      );
      return list.map((schema, index) => [
        { schema, path: itemPath(memberPath(part.path, name), index) },
        ...rest,
      ]);
    }
  }
  return undefined;
}

function compareBounds(a: readonly PlainPart[], b: readonly PlainPart[]): Exclusion {
  const first = numberBounds(a);
  const second = numberBounds(b);
  const below = (max: number | undefined, min: number | undefined): boolean =>
    max !== undefined && min !== undefined && max < min;
  return below(first.max, second.min) || below(second.max, first.min) ? {} : undefined;
}

function requires(parts: readonly PlainPart[], name: string): boolean {
  return parts.some(({ schema }) => listOf(schema, 'required').includes(name));
}

function memberParts(parts: readonly PlainPart[], name: string): readonly Part[] {
  return parts.flatMap(({ schema, path }) => {
    const properties = mapOf(schema, 'properties');
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return value === undefined
      ? []
      : [{ schema: value, path: memberPath(memberPath(path, 'properties'), name) }];
  });
}

const requirements = new Map<string, JsonObject>();
const prohibitions = new Map<string, JsonObject>();
const maxRemembered = 1000;

function requiring(name: string, path: string): Part {
  return { schema: remembered(requirements, name, () => ({ type: 'object', required: [name] })), path };
}

function forbidding(name: string, path: string): Part {
  const made = (): JsonObject => ({ type: 'object', properties: Object.fromEntries([[name, false]]) });
  return { schema: remembered(prohibitions, name, made), path };
}

/** One schema object for a name: compiled rules are found again by their schema object. */
function remembered(known: Map<string, JsonObject>, name: string, make: () => JsonObject): JsonObject {
  const before = known.get(name);
  if (before !== undefined) return before;
  if (known.size >= maxRemembered) known.clear();
  const schema = make();
  known.set(name, schema);
  return schema;
}
