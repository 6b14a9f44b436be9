import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import { describeFault } from './partial-json.ts';

/*
 * Schemas and values against them. This file brings the validator along: it is loaded when a schema is first in sight.
 */

/** More errors than a reader mends at once. */
const maxErrors = 20;

/**
 * What a schema has to be, as far as a mistake in it would be silent: a wrong type of a keyword, `"type": "text"`, a list in the place
 * of an object. The rest is the server's to refuse, at its path.
 */
const metaSchema: Schema = {
  $ref: '#/$defs/schema',
  $defs: {
    schema: {
      type: ['object', 'boolean'],
      properties: {
        type: {
          if: { type: 'array' },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
          then: { items: { $ref: '#/$defs/typeName' }, minItems: 1, uniqueItems: true },
          else: { $ref: '#/$defs/typeName' },
        },
        enum: { type: 'array', minItems: 1 },
        required: { type: 'array', items: { type: 'string' }, uniqueItems: true },
        properties: { $ref: '#/$defs/schemas' },
        patternProperties: { $ref: '#/$defs/schemas' },
        $defs: { $ref: '#/$defs/schemas' },
        definitions: { $ref: '#/$defs/schemas' },
        additionalProperties: { $ref: '#/$defs/schema' },
        propertyNames: { $ref: '#/$defs/schema' },
        items: {
          if: { type: 'array' },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
          then: { $ref: '#/$defs/schemaList' },
          else: { $ref: '#/$defs/schema' },
        },
        prefixItems: { $ref: '#/$defs/schemaList' },
        allOf: { $ref: '#/$defs/schemaList' },
        anyOf: { $ref: '#/$defs/schemaList' },
        oneOf: { $ref: '#/$defs/schemaList' },
        not: { $ref: '#/$defs/schema' },
        $ref: { type: 'string' },
        pattern: { type: 'string' },
        format: { type: 'string' },
        title: { type: 'string' },
        description: { type: 'string' },
        minimum: { type: 'number' },
        maximum: { type: 'number' },
        multipleOf: { type: 'number', exclusiveMinimum: 0 },
        minLength: { $ref: '#/$defs/count' },
        maxLength: { $ref: '#/$defs/count' },
        minItems: { $ref: '#/$defs/count' },
        maxItems: { $ref: '#/$defs/count' },
        minProperties: { $ref: '#/$defs/count' },
        maxProperties: { $ref: '#/$defs/count' },
        uniqueItems: { type: 'boolean' },
      },
    },
    schemas: { type: 'object', additionalProperties: { $ref: '#/$defs/schema' } },
    schemaList: { type: 'array', minItems: 1, items: { $ref: '#/$defs/schema' } },
    typeName: { enum: ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] },
    count: { type: 'integer', minimum: 0 },
  },
};

/** What is wrong with a JSON Schema that a person writes; the first mistakes, each with its path. Empty: nothing that is known here. */
export function checkSchema(text: string): readonly string[] {
  const fault = describeFault(text);
  if (fault !== undefined) return [fault];
  const schema: unknown = JSON.parse(text);
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return ['A schema is an object: { … }.'];
  const errors = validate(metaSchema, schema);
  if (errors.length > 0) return errors;
  // A reference that leads nowhere and a pattern that is none are found by using them.
  try {
    new Validator(schema as Schema, '2020-12');
  } catch (error) {
    return [error instanceof Error ? error.message : 'The schema cannot be used.'];
  }
  return unusable(schema);
}

/** Keywords whose values are no schemas. */
const data = new Set(['enum', 'const', 'default', 'examples']);

/** Patterns that are no regular expressions, and references to places that do not exist. */
function unusable(schema: object): readonly string[] {
  const found: string[] = [];
  const waiting: [node: unknown, path: string][] = [[schema, '']];
  for (let next = waiting.pop(); next !== undefined && found.length < maxErrors; next = waiting.pop()) {
    const [node, path] = next;
    if (typeof node !== 'object' || node === null) continue;
    for (const [name, value] of Object.entries(node)) {
      if (data.has(name)) continue;
      const at = path === '' ? name : `${path}.${name}`;
      if (name === 'pattern' && typeof value === 'string' && !isPattern(value))
        found.push(`${at}: this is no regular expression.`);
      else if (name === '$ref' && typeof value === 'string' && !leads(schema, value))
        found.push(`${at}: ${value} does not exist in this schema.`);
      else waiting.push([value, at]);
    }
  }
  return found;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/** Only references inside of the schema are judged. */
function leads(schema: object, reference: string): boolean {
  if (reference !== '#' && !reference.startsWith('#/')) return true;
  let node: unknown = schema;
  for (const part of reference.split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return false;
    node = (node as Record<string, unknown>)[name];
  }
  return true;
}

/**
 * What is wrong with a JSON text, by the schema that it should follow. Undefined: the schema cannot be used, which is shown where it is
 * written.
 */
export function checkValue(text: string, schemaText: string): readonly string[] | undefined {
  const fault = describeFault(text);
  if (fault !== undefined) return [fault];
  if (checkSchema(schemaText).length > 0) return undefined;
  try {
    return validate(JSON.parse(schemaText) as Schema, JSON.parse(text));
  } catch {
    return ['It is nested too deep to be checked.'];
  }
}

function validate(schema: Schema, value: unknown): readonly string[] {
  const { errors } = new Validator(schema, '2020-12', false).validate(value);
  const lines = errors.filter((unit) => !restates(unit, errors)).map(describe);
  return [...new Set(lines)].slice(0, maxErrors);
}

/** An error that only says that there is one below it. */
function restates(
  { keyword, instanceLocation, keywordLocation }: OutputUnit,
  all: readonly OutputUnit[],
): boolean {
  if (['$ref', 'allOf', 'if'].includes(keyword)) return true;
  if (!['properties', 'items', 'prefixItems', 'additionalProperties', 'patternProperties'].includes(keyword))
    return false;
  return all.some(
    (other) =>
      other.keywordLocation !== keywordLocation && other.instanceLocation.startsWith(`${instanceLocation}/`),
  );
}

/** The validator's words for what readers meet most often. */
const wordings: readonly [RegExp, string][] = [
  [/^Instance type "(.*)" is invalid\. Expected "(.*)"\.$/, 'is $1, expected $2'],
  [/^Instance does not have required property "(.*)"\.$/, 'the property "$1" is missing'],
  [/^Instance does not match any of /, 'is none of '],
  [/^Instance does not match any subschemas\.$/, 'fits none of the alternatives'],
  [/^False boolean schema\.$/, 'is not allowed here'],
];

function inPlainWords(error: string): string {
  for (const [pattern, words] of wordings) if (pattern.test(error)) return error.replace(pattern, words);
  return error;
}

function describe({ instanceLocation, error }: OutputUnit): string {
  const path = instanceLocation
    .split('/')
    .slice(1)
    .map((part) => decode(part))
    .join('.');
  return `${path === '' ? 'the whole' : path}: ${inPlainWords(error)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return part;
  }
}
