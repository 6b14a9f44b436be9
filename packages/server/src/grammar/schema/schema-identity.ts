import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keyword } from './keywords.ts';
import { isList } from './schema-part.ts';

/**
 * The same number for schemas of one document that say the same, whatever their titles and descriptions: pydantic
 * writes a union out at each of its uses, and only as one rule do its recursive alternatives share what they begin
 * with. Linear in the schema's size; the order of properties counts, for it is the order of the answer.
 */
export function createSchemaIdentity(): (schema: JsonObject) => number {
  const byObject = new Map<JsonObject, number>();
  const byText = new Map<string, number>();

  function identity(schema: JsonObject): number {
    const known = byObject.get(schema);
    if (known !== undefined) return known;
    const said = Object.entries(schema).filter(([name]) => keyword(name).status !== 'ignored');
    const text = said.map(([name, value]) => `${JSON.stringify(name)}:${write(name, value)}`).join();
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
