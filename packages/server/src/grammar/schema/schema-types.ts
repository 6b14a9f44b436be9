import { isObject, type JsonValue } from '../../domain/json.ts';
import { type JsonType, keyword } from './keywords.ts';
import { isList, namedTypes, type PlainPart, type Problems, show } from './schema-part.ts';
import { memberPath } from './schema-path.ts';

/** The shortest list of values in an `enum` or a `const`; undefined where the parts have neither. */
export function finiteValues(
  parts: readonly PlainPart[],
): { readonly values: readonly JsonValue[]; readonly part: PlainPart } | undefined {
  let found: { values: readonly JsonValue[]; part: PlainPart } | undefined;
  for (const part of parts) {
    const { schema } = part;
    const lists: (readonly JsonValue[])[] = [];
    if (schema['const'] !== undefined) lists.push([schema['const']]);
    if (isList(schema['enum'])) lists.push(schema['enum']);
    for (const values of lists) {
      if (found === undefined || values.length < found.values.length) found = { values, part };
    }
  }
  return found;
}

const everyType: readonly JsonType[] = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/**
 * The types that all parts allow. A schema without `type` has the types that its keywords are about:
 * by the specification `{"properties": …}` allows a number too, but authors mean an object.
 */
export function typesOf(parts: readonly PlainPart[], problems: Problems): readonly JsonType[] {
  let types = everyType;
  let named = false;
  for (const part of parts) {
    const own = namedTypes(part.schema);
    if (own !== undefined) {
      named = true;
      types = intersect(types, own);
    }
    const excluded = excludedTypes(part, problems);
    types = types.filter((type) => !excluded.includes(type));
  }
  if (named) return types;
  const implied = new Set(
    parts.flatMap(({ schema }) => Object.keys(schema).flatMap((name) => impliedType(name, schema[name]))),
  );
  return implied.size === 0 ? types : intersect(types, [...implied]);
}

function impliedType(name: string, value: JsonValue | undefined): readonly JsonType[] {
  if (name === 'format')
    return typeof value === 'string' && /^(int32|int64|float|double)$/.test(value) ? ['number'] : ['string'];
  const { type } = keyword(name);
  return type === undefined ? [] : [type];
}

function intersect(a: readonly JsonType[], b: readonly JsonType[]): readonly JsonType[] {
  const both = new Set<JsonType>();
  for (const x of a) {
    for (const y of b) {
      if (x === y) both.add(x);
      else if ((x === 'integer' && y === 'number') || (x === 'number' && y === 'integer'))
        both.add('integer');
    }
  }
  return [...both].filter((type) => type !== 'integer' || !both.has('number'));
}

/** The types that `not` excludes. It is enforced only as `{}`, `true`, `false` or a schema that has `type` alone. */
export function excludedTypes(part: PlainPart, problems: Problems): readonly JsonType[] {
  const { not } = part.schema;
  if (not === undefined || not === false) return [];
  const inner = not === true ? {} : isObject(not) ? not : {};
  const names = Object.keys(inner).filter((name) => keyword(name).status !== 'ignored');
  if (names.length === 0) return everyType.concat('integer');
  const types = namedTypes(inner);
  if (
    names.every((name) => name === 'type' || name === 'nullable') &&
    types !== undefined &&
    !types.includes('integer')
  ) {
    return types.includes('number') ? [...types, 'integer'] : types;
  }
  problems.refuse(
    'unsupported_parameter',
    memberPath(part.path, 'not'),
    `“not” is enforced only where it excludes whole types ({"not": {"type": "null"}}), not ${show(not)}.`,
  );
  return [];
}
