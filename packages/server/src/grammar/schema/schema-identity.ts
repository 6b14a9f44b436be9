import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keyword } from './keywords.ts';
import { isList } from './schema-part.ts';

/**
 * The same number for schemas of one document that are equal except for ignored keywords such as titles. Pydantic
 * repeats a union at each of its uses; recursive alternatives can share their prefixes only where all of these become
 * one rule. Linear in the schema's size. The order of properties counts, because it is the order in the answer.
 */
export function createSchemaIdentity(): (schema: JsonObject) => number {
  const byObject = new Map<JsonObject, number>();
  const byText = new Map<string, number>();

  function identity(schema: JsonObject): number {
    const known = byObject.get(schema);
    if (known !== undefined) return known;
    const enforced = Object.entries(schema).filter(([name]) => keyword(name).status !== 'ignored');
    const text = enforced.map(([name, value]) => `${JSON.stringify(name)}:${write(name, value)}`).join();
    const number = byText.get(text) ?? byText.size;
    byText.set(text, number);
    byObject.set(schema, number);
    return number;
  }

  function write(name: string, value: JsonValue): string {
    switch (keyword(name).shape) {
      case 'schema':
      case 'list of schemas':
      case 'schema or list of schemas':
        return isList(value) ? `[${value.map(inner).join()}]` : inner(value);
      case 'map of schemas':
        return isObject(value)
          ? `{${Object.entries(value)
              .map(([key, schema]) => `${JSON.stringify(key)}:${inner(schema)}`)
              .join()}}`
          : JSON.stringify(value);
      default:
        return JSON.stringify(value);
    }
  }

  function inner(value: JsonValue): string {
    return isObject(value) ? `#${identity(value)}` : JSON.stringify(value);
  }

  return identity;
}
