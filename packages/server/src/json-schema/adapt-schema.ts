import { isObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { literals, namedSchemas } from './schema-keywords.ts';

/**
 * The same schema without two harmless keywords that Ajv refuses: the `id` of drafts before 6, which later drafts
 * ignore, and OpenAPI's `nullable` without a `type`, which becomes an `anyOf` with null.
 */
export function adaptSchema(schema: JsonValue): JsonValue {
  if (Array.isArray(schema)) return schema.map(adaptSchema);
  if (!isObject(schema)) return schema;
  const members: [string, JsonValue][] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'id' && typeof value === 'string') continue;
    if (name === 'nullable' && schema['type'] === undefined) continue;
    if (literals.has(name)) members.push([name, value]);
    else if (namedSchemas.has(name) && isObject(value)) members.push([name, adaptNamed(value)]);
    else members.push([name, adaptSchema(value)]);
  }
  const adapted = Object.fromEntries(members);
  const nullable = schema['nullable'] === true && schema['type'] === undefined;
  return nullable ? orNull(adapted) : adapted;
}

/** Definitions stay at the top, where references find them. */
function orNull({ $defs, definitions, ...schema }: JsonObject): JsonObject {
  return {
    anyOf: [{ type: 'null' }, schema],
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  };
}

function adaptNamed(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, adaptSchema(one)]));
}
