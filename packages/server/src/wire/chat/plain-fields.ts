import type { PlainSchema } from '../fields.ts';

/*
 * What the decoder of this surface takes, as far as it is data: the fields with one plain value, as JSON Schema, and the bounds of
 * lists and texts. `openapi.json` is made of the same objects, so it cannot say anything else. Bounds limit the work for one request;
 * the smaller ones of a vendor are in its preset (`upstreams/openai/presets.ts`).
 */

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const id = { type: 'string', maxLength: 1_024 } as const;
const word = { type: 'string', maxLength: 64 } as const;
const maxInteger = 2 ** 31 - 1;

export const plainFields = {
  model: text,
  stream: flag,
  temperature: { type: 'number', minimum: 0, maximum: 2 },
  top_p: { type: 'number', minimum: 0, maximum: 1 },
  max_tokens: { type: 'integer', minimum: 1, maximum: maxInteger },
  max_completion_tokens: { type: 'integer', minimum: 1, maximum: maxInteger },
  seed: { type: 'integer', minimum: -(2 ** 63), maximum: 2 ** 63 },
  n: { type: 'integer', minimum: 1, maximum: 128 },
  presence_penalty: { type: 'number', minimum: -2, maximum: 2 },
  frequency_penalty: { type: 'number', minimum: -2, maximum: 2 },
  logprobs: flag,
  top_logprobs: { type: 'integer', minimum: 0, maximum: 20 },
  parallel_tool_calls: flag,
  reasoning_effort: word,
  user: id,
  safety_identifier: id,
  prompt_cache_key: id,
  service_tier: id,
  verbosity: id,
  store: flag,
  continue_final_message: flag,
} as const satisfies Readonly<Record<string, PlainSchema>>;

export const streamOptionFields = {
  include_usage: flag,
  include_obfuscation: flag,
} as const satisfies Readonly<Record<string, PlainSchema>>;

export const messageFields = {
  role: { type: 'string', enum: ['system', 'developer', 'user', 'assistant', 'tool'] },
  name: id,
  refusal: text,
  reasoning_content: text,
  tool_call_id: id,
} as const satisfies Readonly<Record<string, PlainSchema>>;

export const imageFields = { url: text, detail: word } as const satisfies Readonly<
  Record<string, PlainSchema>
>;
export const audioFields = { data: text, format: word } as const satisfies Readonly<
  Record<string, PlainSchema>
>;

/** Characters in the name of a function and of a schema; one that is defined has only letters, digits, `_` and `-`. */
const name = { type: 'string', maxLength: 1_024 } as const;
export const definedName = /^[a-zA-Z0-9_-]+$/;

export const callFields = { type: word, id } as const satisfies Readonly<Record<string, PlainSchema>>;
export const calledFields = { name, arguments: text } as const satisfies Readonly<
  Record<string, PlainSchema>
>;
/** Of a function and of a schema that the request defines. */
export const definitionFields = { name, description: text, strict: flag } as const satisfies Readonly<
  Record<string, PlainSchema>
>;

export const formatTypes = ['text', 'json_object', 'json_schema'] as const;
export const choiceWords = ['auto', 'none', 'required'] as const;

/** Each token has one spelling: `01` beside `1` would be two biases of one token. */
export const tokenId = /^(0|[1-9]\d{0,8})$/;

/** The most entries of a list or an object, and the most characters of one of its texts. */
export const chatBounds = {
  messages: 10_000,
  parts: 10_000,
  toolCalls: 1_024,
  tools: 4_096,
  stops: 256,
  stopLength: 4_096,
  biases: 4_096,
  bias: 100,
  metadata: 1_024,
  metadataLength: 4_096,
  modalities: 8,
  modalityLength: 64,
  /** Of `functions`, which no target honours. */
  functions: 1_024,
} as const;
