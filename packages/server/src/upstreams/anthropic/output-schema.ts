import type { JsonObject, JsonValue } from '../../domain/json.ts';

/**
 * Says `additionalProperties: false` wherever a schema leaves it open: the API refuses open objects, and an
 * answer to the closed schema is one to the open schema too. A schema that says something else about them is
 * left as it is, for the API to refuse.
 */
export function closeObjects(schema: JsonValue): JsonValue {
  if (!isObject(schema)) return schema;
  const closed: Record<string, JsonValue> = {};
  for (const [keyword, value] of Object.entries(schema)) closed[keyword] = closeIn(keyword, value);
  const isOpen = schema['type'] === 'object' || isObject(schema['properties'] ?? null);
  if (isOpen && schema['additionalProperties'] === undefined) closed['additionalProperties'] = false;
  return closed;
}

function closeIn(keyword: string, value: JsonValue): JsonValue {
  switch (keyword) {
    case 'properties':
    case '$defs':
    case 'definitions':
      return isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, closeObjects(schema)]))
        : value;
    case 'items':
    case 'prefixItems':
    case 'anyOf':
    case 'allOf':
    case 'oneOf':
      return isList(value) ? value.map(closeObjects) : closeObjects(value);
    default:
      return value;
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
