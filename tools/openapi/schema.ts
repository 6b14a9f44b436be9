/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 has them. */
export type Schema = { readonly [keyword: string]: unknown };

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** The same, or null: for an optional field of a request null means absent. */
export function orNull(schema: Schema): Schema {
  const { type, enum: words } = schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(words) ? { enum: [...words, null] } : {}) };
}

/** Each of these plain fields as an optional field of a request. */
export function optionalFields(fields: Readonly<Record<string, Schema>>): Readonly<Record<string, Schema>> {
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, orNull(schema)]));
}

/** An object that is read field by field: what else it has is not refused here. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
  more: Schema = {},
): Schema {
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}), ...more };
}

/** An object of an answer in which every field stands. */
export function whole(properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return object(properties, Object.keys(properties), more);
}

type OptionalKeys<T> = {
  [Key in keyof T]-?: Partial<Pick<T, Key>> extends Pick<T, Key> ? Key : never;
}[keyof T];

/**
 * The object of a type of `packages/protocol`: the compiler refuses a schema that lacks a member, has another one, or calls a member
 * optional that is not.
 */
export function objectOf<T>() {
  return (
    properties: { readonly [Key in keyof T]-?: Schema },
    optional: { readonly [Key in OptionalKeys<T>]: true },
    more: Schema = {},
  ): Schema => {
    const required = Object.keys(properties).filter((key) => !Object.hasOwn(optional, key));
    return object(properties, required, more);
  };
}

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const time: Schema = { type: 'string', format: 'date-time' };
export const anyObject: Schema = { type: 'object' };

/** With a sentence for readers. */
export function about(description: string, schema: Schema): Schema {
  return '$ref' in schema ? { description, ...schema } : { ...schema, description };
}
