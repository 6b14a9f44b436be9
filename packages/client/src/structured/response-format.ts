import { TailraceError } from '../errors/errors.ts';
import type { JsonSchema, ResponseFormat } from '../types/chat.ts';
import { isStandardSchema, type SchemaOutput, type StandardSchema } from './standard-schema.ts';

/** A `response_format` that knows what its JSON is validated with. */
export type TypedResponseFormat<Output> = Extract<ResponseFormat, { type: 'json_schema' }> & {
  readonly [validator]?: StandardSchema<unknown, Output>;
};

/** What `zodResponseFormat` of `openai/helpers/zod` returns. */
export interface AutoParseableResponseFormat<Output> {
  readonly type: 'json_schema';
  readonly json_schema: Extract<ResponseFormat, { type: 'json_schema' }>['json_schema'];
  $parseRaw(content: string): Output;
}

/** Not enumerable, so that it is not sent. */
const validator: unique symbol = Symbol('validator');

export interface ResponseFormatOptions {
  /** What the model is told of the purpose. */
  readonly description?: string;
  /** Whether the server has to enforce the schema. Default true. */
  readonly strict?: boolean;
  /** The JSON Schema of a library that does not write it itself. */
  readonly jsonSchema?: JsonSchema;
}

/**
 * The `response_format` of a schema. `schema` is one of zod 4.2, arktype 2.1.28, valibot with its converter or later (Standard JSON
 * Schema), any other Standard Schema with `options.jsonSchema` beside it, or a JSON Schema, which is not validated here.
 * Objects that do not say otherwise are closed: OpenAI demands that of strict schemas.
 *
 * Throws a {@link TailraceError} where there is no JSON Schema, and what the library throws for a schema that has none.
 */
export function responseFormat<Schema extends StandardSchema>(
  name: string,
  schema: Schema,
  options?: ResponseFormatOptions,
): TypedResponseFormat<SchemaOutput<Schema>>;
export function responseFormat<Output = unknown>(
  name: string,
  schema: JsonSchema,
  options?: ResponseFormatOptions,
): TypedResponseFormat<Output>;
export function responseFormat(
  name: string,
  schema: StandardSchema | JsonSchema,
  { description, strict = true, jsonSchema }: ResponseFormatOptions = {},
): TypedResponseFormat<unknown> {
  const written = jsonSchema ?? jsonSchemaOf(schema);
  const format: TypedResponseFormat<unknown> = {
    type: 'json_schema',
    json_schema: {
      name,
      ...(description === undefined ? {} : { description }),
      schema: strict ? closed(written) : written,
      strict,
    },
  };
  if (isStandardSchema(schema)) Object.defineProperty(format, validator, { value: schema });
  return format;
}

/** What {@link responseFormat} was made of; undefined for every other format. */
export function validatorOf(format: unknown): StandardSchema | undefined {
  return typeof format === 'object' && format !== null
    ? (format as TypedResponseFormat<unknown>)[validator]
    : undefined;
}

/** A schema as JSON Schema. Throws where it cannot be written as one. */
export function jsonSchemaOf(schema: StandardSchema | JsonSchema): JsonSchema {
  if (!isStandardSchema(schema)) return schema;
  const { jsonSchema, vendor } = schema['~standard'];
  if (jsonSchema === undefined) {
    throw new TailraceError(
      `This version of ${vendor} writes no JSON Schema: give one by hand, as \`jsonSchema\`.`,
    );
  }
  // The model writes what goes in; what comes out may be of types that JSON does not have.
  const { $schema: _, ...written } = jsonSchema.input({ target: 'draft-2020-12' });
  return written;
}

/** Members under which names stand, and not keywords. */
const named: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);
/** Members whose value is data. */
const data: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);

function closed(schema: JsonSchema): JsonSchema {
  const result: JsonSchema = {};
  for (const [name, value] of Object.entries(schema)) {
    if (data.has(name)) result[name] = value;
    else if (named.has(name) && isObject(value))
      result[name] = Object.fromEntries(Object.entries(value).map(([own, one]) => [own, closedValue(one)]));
    else result[name] = closedValue(value);
  }
  if ('properties' in schema && !('additionalProperties' in schema)) result['additionalProperties'] = false;
  return result;
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue);
  return isObject(value) ? closed(value) : value;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
