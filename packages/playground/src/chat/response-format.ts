import { isObject, parsed } from '../api/json.ts';
import { writtenJson } from '../json/pretty-json.ts';

export const formatKinds = ['text', 'json_object', 'json_schema'] as const;

/** `response_format`, as it is written in the panel. */
export interface ResponseFormat {
  readonly kind: (typeof formatKinds)[number];
  readonly name: string;
  readonly strict: boolean;
  /** A JSON Schema, as text: it may be no JSON while it is written. */
  readonly schema: string;
}

/** The form that an answer was asked for: it is read as JSON, and checked by the schema where there is one. */
export interface AskedFormat {
  readonly kind: 'json_object' | 'json_schema';
  readonly schema?: string | undefined;
}

export const exampleSchemas: readonly { readonly label: string; readonly schema: object }[] = [
  {
    label: 'A person',
    schema: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        age: { type: 'integer', minimum: 0, maximum: 120 },
        languages: { type: 'array', items: { type: 'string' }, maxItems: 4 },
      },
      required: ['name', 'age', 'languages'],
      additionalProperties: false,
    },
  },
  {
    label: 'A list of places',
    schema: {
      type: 'object',
      properties: {
        places: {
          type: 'array',
          minItems: 1,
          maxItems: 5,
          items: {
            type: 'object',
            properties: {
              city: { type: 'string' },
              kind: { enum: ['capital', 'port', 'village'] },
              inhabitants: { type: ['integer', 'null'] },
            },
            required: ['city', 'kind', 'inhabitants'],
            additionalProperties: false,
          },
        },
      },
      required: ['places'],
      additionalProperties: false,
    },
  },
];

export const textFormat: ResponseFormat = {
  kind: 'text',
  name: 'answer',
  strict: true,
  schema: writtenJson(exampleSchemas[0]?.schema),
};

/** `response_format` of the request; empty for text, which is what a request without it asks for. */
export function formatJson({ kind, name, strict, schema }: ResponseFormat): object {
  if (kind === 'text') return {};
  if (kind === 'json_object') return { response_format: { type: kind } };
  return { response_format: { type: kind, json_schema: { name, strict, schema: parsed(schema) } } };
}

export function askedFormat({ kind, schema }: ResponseFormat): AskedFormat | undefined {
  if (kind === 'text') return undefined;
  return kind === 'json_object' ? { kind } : { kind, schema };
}

export function isAskedFormat(value: unknown): value is AskedFormat {
  if (!isObject(value)) return false;
  const { kind, schema } = value;
  return (
    (kind === 'json_object' || kind === 'json_schema') && (schema === undefined || typeof schema === 'string')
  );
}
