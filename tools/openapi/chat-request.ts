import { requestFields } from '../../packages/server/src/domain/request-fields.ts';
import { continuationField, templateField } from '../../packages/server/src/wire/chat/decode-continued.ts';
import {
  audioFields,
  calledFields,
  callFields,
  chatBounds,
  choiceWords,
  definedName,
  definitionFields,
  imageFields,
  messageFields,
  plainFields,
  streamOptionFields,
  tokenId,
} from '../../packages/server/src/wire/chat/plain-fields.ts';
import { fieldMeanings } from './request-fields.ts';
import { about, anyObject, object, optionalFields, orNull, ref, type Schema } from './schema.ts';

/*
 * The request of a chat completion. Plain fields and bounds are the decoder's own. How they make objects and unions is written here a
 * second time; `chat-request.test.ts` changes valid requests at random, and holds schema and decoder to the same answer.
 *
 * Not in it are rules between fields: `stream_options` needs `stream`, `top_logprobs` needs `logprobs`, a forced `tool_choice` needs
 * its tool, no two tools have one name, and `continue_final_message` needs a beginning. Generators of clients would fail on them.
 */

const constant = (word: string): Schema => ({ type: 'string', const: word });
const { name, ...described } = definitionFields;
/** The name of a function or of a schema. */
const givenName: Schema = { ...name, minLength: 1, pattern: definedName.source };
const schema: Schema = { type: ['object', 'boolean', 'null'], description: 'A JSON Schema.' };

const parts: Schema = {
  type: 'array',
  minItems: 1,
  maxItems: chatBounds.parts,
  items: ref('ContentPart'),
};
const content: Schema = { anyOf: [{ type: 'string' }, parts] };
const { name: speaker, refusal, reasoning_content: reasoning } = messageFields;

/** A message of an assistant says something, if only that it has no text. */
const says: Schema = {
  anyOf: [
    { required: ['content'] },
    { required: ['tool_calls'], properties: { tool_calls: { type: 'array', minItems: 1 } } },
    { required: ['refusal'], properties: { refusal: { type: 'string' } } },
    { required: ['reasoning_content'], properties: { reasoning_content: { type: 'string' } } },
    { required: ['function_call'], properties: { function_call: { not: { type: 'null' } } } },
  ],
};

const tokenLimit = ({ type, minimum, maximum }: { type: 'integer'; minimum: number; maximum: number }) => ({
  anyOf: [{ type, minimum, maximum }, { type, const: -1 }, { type: 'null' }],
});

const fields: Readonly<Record<string, Schema>> = {
  ...optionalFields(plainFields),
  model: { ...plainFields.model, minLength: 1 },
  messages: {
    type: 'array',
    minItems: 1,
    maxItems: chatBounds.messages,
    items: ref('ChatMessage'),
  },
  stream_options: orNull(object(optionalFields(streamOptionFields))),
  max_tokens: tokenLimit(plainFields.max_tokens),
  max_completion_tokens: tokenLimit(plainFields.max_completion_tokens),
  stop: {
    anyOf: [
      { type: 'string', maxLength: chatBounds.stopLength },
      {
        type: 'array',
        maxItems: chatBounds.stops,
        items: { type: 'string', maxLength: chatBounds.stopLength },
      },
      { type: 'null' },
    ],
  },
  logit_bias: {
    type: ['object', 'null'],
    maxProperties: chatBounds.biases,
    propertyNames: { pattern: tokenId.source },
    additionalProperties: { type: 'number', minimum: -chatBounds.bias, maximum: chatBounds.bias },
  },
  response_format: orNull(ref('ResponseFormat')),
  tools: { type: ['array', 'null'], maxItems: chatBounds.tools, items: ref('Tool') },
  tool_choice: {
    anyOf: [
      { type: 'string', enum: choiceWords },
      object({ type: constant('function'), function: object({ name: givenName }, ['name']) }, [
        'type',
        'function',
      ]),
      { type: 'null' },
    ],
  },
  metadata: {
    type: ['object', 'null'],
    maxProperties: chatBounds.metadata,
    additionalProperties: { type: ['string', 'null'], maxLength: chatBounds.metadataLength },
  },
  modalities: {
    type: ['array', 'null'],
    maxItems: chatBounds.modalities,
    items: { type: 'string', maxLength: chatBounds.modalityLength },
  },
  prediction: orNull(anyObject),
  audio: orNull(anyObject),
  web_search_options: orNull(anyObject),
  functions: { type: ['array', 'null'], maxItems: chatBounds.functions, items: anyObject },
  function_call: { type: ['string', 'object', 'null'] },
  [templateField]: {},
};

/** All fields at the top, in the order of the protocol, then those for the rest of an answer. */
export const chatFields: readonly string[] = [...requestFields, continuationField, templateField];

export const chatRequestSchemas: Readonly<Record<string, Schema>> = {
  ChatCompletionRequest: object(
    Object.fromEntries(
      chatFields.map((field) => {
        const [found, meaning] = [fields[field], fieldMeanings[field]];
        if (found === undefined || meaning === undefined)
          throw new Error(`'${field}' has no schema or meaning`);
        return [field, about(meaning, found)];
      }),
    ),
    ['model', 'messages'],
    {
      description:
        'A field of another name goes on to OpenAI-compatible upstreams as it came, and is refused where the model has no such target.',
    },
  ),
  ChatMessage: {
    oneOf: [ref('SpokenMessage'), ref('AssistantMessage'), ref('ToolMessage')],
  },
  SpokenMessage: object(
    {
      role: { type: 'string', enum: ['system', 'developer', 'user'] },
      content,
      name: orNull(speaker),
    },
    ['role', 'content'],
  ),
  AssistantMessage: object(
    {
      role: constant('assistant'),
      content: { anyOf: [{ type: ['string', 'null'] }, parts] },
      tool_calls: { type: ['array', 'null'], maxItems: chatBounds.toolCalls, items: ref('ToolCall') },
      refusal: orNull(refusal),
      name: orNull(speaker),
      reasoning_content: orNull(reasoning),
      extra_content: about('What a provider wants back, as it came.', orNull(anyObject)),
    },
    ['role'],
    { ...says, description: 'An earlier answer, as an SDK returned it.' },
  ),
  ToolMessage: object(
    {
      role: constant('tool'),
      content,
      tool_call_id: messageFields.tool_call_id,
      name: orNull(speaker),
    },
    ['role', 'content', 'tool_call_id'],
    { description: 'The result of a call.' },
  ),
  ContentPart: {
    oneOf: [
      part('text', { type: 'string' }),
      part('refusal', { type: 'string' }),
      part('image_url', object({ url: imageFields.url, detail: orNull(imageFields.detail) }, ['url'])),
      part('input_audio', object(audioFields, ['data', 'format'])),
      part('file', anyObject),
    ],
  },
  ToolCall: object(
    {
      id: callFields.id,
      type: { type: ['string', 'null'], enum: ['function', null] },
      function: object(calledFields, ['name', 'arguments']),
      extra_content: orNull(anyObject),
    },
    ['id', 'function'],
    { description: 'A call in an earlier answer. `arguments` is JSON as a text.' },
  ),
  Tool: object(
    {
      type: constant('function'),
      function: object(
        {
          name: givenName,
          ...optionalFields(described),
          parameters: about('A JSON Schema of the arguments. Absent: it takes none.', orNull(anyObject)),
        },
        ['name'],
      ),
    },
    ['type', 'function'],
  ),
  ResponseFormat: {
    oneOf: [
      object({ type: constant('text') }, ['type']),
      object({ type: constant('json_object'), schema }, ['type']),
      object(
        {
          type: constant('json_schema'),
          json_schema: object({ name: givenName, ...optionalFields(described), schema }, ['name']),
        },
        ['type', 'json_schema'],
      ),
    ],
  },
};

function part(type: string, inside: Schema): Schema {
  return object({ type: constant(type), [type]: inside }, ['type', type]);
}
