import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { JsonValue } from '../../domain/json.ts';

/**
 * Ajv, which knows nothing of the compiler. It judges by the letter of draft 2020-12; what older drafts and OpenAPI
 * write differently is rewritten for it first, by hand and apart from the compiler's own reading.
 */
export function createJudge(schema: JsonValue): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false, unicodeRegExp: true });
  formats.default(ajv);
  for (const name of ['starts_with', 'ends_with', 'includes', 'lowercase']) ajv.addFormat(name, true);
  ajv.addFormat('json', isJson);
  return ajv.compile(typeof schema === 'boolean' ? schema : (modern(schema) as object));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function modern(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(modern);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    const literal = name === 'const' || name === 'enum' || name === 'default' || name === 'examples';
    members[name] = literal ? value : modern(value);
  }
  const { items, additionalItems, minimum, exclusiveMinimum, nullable, $schema, $id, ...rest } = members;
  if (Array.isArray(items)) return { ...rest, prefixItems: items, items: additionalItems ?? true };
  if (items !== undefined) rest['items'] = items;
  if (exclusiveMinimum === true) rest['exclusiveMinimum'] = minimum;
  else {
    if (minimum !== undefined) rest['minimum'] = minimum;
    if (exclusiveMinimum !== undefined) rest['exclusiveMinimum'] = exclusiveMinimum;
  }
  if (nullable === true && typeof rest['type'] === 'string') rest['type'] = [rest['type'], 'null'];
  return rest;
}
