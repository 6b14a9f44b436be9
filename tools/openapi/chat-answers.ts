import {
  type AssistantMessageWire,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChoiceLogprobsWire,
  type ChunkChoiceWire,
  type CompletionChoiceWire,
  type DeltaWire,
  type ErrorBody,
  errorCodes,
  errorKind,
  type ModelPriceWire,
  type ModelWire,
  type TokenLogprobWire,
  type TokenPricesWire,
  type ToolCallDeltaWire,
  type ToolCallWire,
  type UsageWire,
} from '@tailrace/protocol';
import { features } from '../../packages/server/src/domain/requirements.ts';
import {
  about,
  anyObject,
  count,
  object,
  objectOf,
  orNull,
  ref,
  type Schema,
  text,
  whole,
} from './schema.ts';

/* The answers under `/v1`. The compiler holds each object to the type of `packages/protocol` that the server writes. */

const constant = (word: string): Schema => ({ type: 'string', const: word });
const seconds = about('Unix time in seconds.', { type: 'integer' });
const finishReason: Schema = { type: 'string', enum: ['stop', 'length', 'tool_calls', 'content_filter'] };
const logprobs: Schema = orNull(ref('Logprobs'));
const extra = about('What the provider wants back with the next request, as it came.', anyObject);
const contentParts = about('Parts of the output that are neither text nor thought.', { type: 'array' });
const token = {
  token: text,
  logprob: { type: 'number' },
  bytes: { type: ['array', 'null'], items: { type: 'integer', minimum: 0, maximum: 255 } },
};
const price = about('Dollars for a million tokens.', text);

export const chatAnswerSchemas: Readonly<Record<string, Schema>> = {
  ChatCompletion: objectOf<ChatCompletion>()(
    {
      id: text,
      object: constant('chat.completion'),
      created: seconds,
      model: about('The id that was asked for; after a failover that of the fallback.', text),
      system_fingerprint: text,
      choices: {
        type: 'array',
        minItems: 1,
        items: objectOf<CompletionChoiceWire>()(
          { index: count, message: ref('AnswerMessage'), logprobs, finish_reason: finishReason },
          {},
        ),
      },
      usage: ref('Usage'),
    },
    {},
  ),
  AnswerMessage: objectOf<AssistantMessageWire>()(
    {
      role: constant('assistant'),
      content: about('Null where the answer has only calls, a refusal or other output.', orNull(text)),
      refusal: orNull(text),
      reasoning_content: text,
      tool_calls: {
        type: 'array',
        items: objectOf<ToolCallWire>()(
          {
            id: text,
            type: constant('function'),
            function: whole({ name: text, arguments: about('A JSON object as a text.', text) }),
            extra_content: extra,
          },
          { extra_content: true },
        ),
      },
      extra_content: extra,
      content_parts: contentParts,
    },
    { reasoning_content: true, tool_calls: true, extra_content: true, content_parts: true },
    {
      additionalProperties: true,
      description: 'Output for which there is no field here stands under the name that the upstream gave it.',
    },
  ),
  ChatCompletionChunk: objectOf<ChatCompletionChunk>()(
    {
      id: text,
      object: constant('chat.completion.chunk'),
      created: seconds,
      model: text,
      system_fingerprint: text,
      choices: {
        type: 'array',
        items: objectOf<ChunkChoiceWire>()(
          {
            index: count,
            delta: ref('Delta'),
            logprobs,
            finish_reason: about('On the last chunk of a choice, else null.', orNull(finishReason)),
          },
          {},
        ),
      },
      usage: about(
        'On the last finish chunk; in the separate form on a chunk without choices.',
        orNull(ref('Usage')),
      ),
    },
    { usage: true },
    { description: 'One event of a stream. Id, time, model and fingerprint are the same on all of them.' },
  ),
  Delta: objectOf<DeltaWire>()(
    {
      role: constant('assistant'),
      content: orNull(text),
      reasoning_content: text,
      refusal: orNull(text),
      tool_calls: {
        type: 'array',
        items: objectOf<ToolCallDeltaWire>()(
          {
            index: count,
            id: text,
            type: constant('function'),
            function: object({ name: text, arguments: text }),
            extra_content: extra,
          },
          { id: true, type: true, extra_content: true },
        ),
      },
      extra_content: extra,
      content_parts: contentParts,
    },
    {
      ...{ role: true, content: true, reasoning_content: true, refusal: true },
      ...{ tool_calls: true, extra_content: true, content_parts: true },
    },
    { additionalProperties: true, description: 'What is new. The finish chunk has `{}`.' },
  ),
  ChatCompletionStream: {
    ...object(
      {
        data: {
          anyOf: [
            {
              type: 'string',
              contentMediaType: 'application/json',
              contentSchema: { anyOf: [ref('ChatCompletionChunk'), ref('ErrorEvent')] },
            },
            constant('[DONE]'),
          ],
        },
        id: about('Its number, in a resumable stream.', text),
      },
      ['data'],
    ),
    description:
      'One event of the stream, as an object. On the wire it is `data: JSON` and an empty line. The last one is `data: [DONE]`. A stream that breaks ends with an error event instead, without a finish chunk and without `[DONE]`. A comment (`: keepalive`) comes in a silence. The events of resumable streams have `id:` lines.',
  },
  Usage: objectOf<UsageWire>()(
    {
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      prompt_tokens_details: whole({ cached_tokens: count }),
      completion_tokens_details: whole({ reasoning_tokens: count }),
    },
    { prompt_tokens_details: true, completion_tokens_details: true },
  ),
  Logprobs: objectOf<ChoiceLogprobsWire>()(
    {
      content: {
        type: 'array',
        items: objectOf<TokenLogprobWire>()(
          {
            ...token,
            top_logprobs: { type: 'array', items: whole(token) },
          },
          {},
        ),
      },
      refusal: { type: 'null' },
    },
    {},
  ),
  Model: objectOf<ModelWire>()(
    {
      id: text,
      object: constant('model'),
      created: seconds,
      owned_by: text,
      context_length: about(
        'Tokens of prompt and answer together; null where the target does not say.',
        orNull(count),
      ),
      capabilities: about('The features that a request to the model may use.', {
        type: 'array',
        items: { type: 'string', enum: features },
      }),
      price: orNull(ref('Price')),
      defaults: about('Sampling where the request names none.', {
        anyOf: [
          whole({
            temperature: { type: 'number' },
            top_p: { type: 'number' },
            presence_penalty: { type: 'number' },
            frequency_penalty: { type: 'number' },
          }),
          { type: 'null' },
        ],
      }),
    },
    {},
  ),
  Price: objectOf<ModelPriceWire>()(
    {
      ...tokenPrices(),
      request: about('Dollars for each request.', text),
      above: {
        type: 'array',
        items: objectOf<TokenPricesWire & { tokens: number }>()(
          { tokens: count, ...tokenPrices() },
          { input: true, output: true, cached: true, cache_write: true },
        ),
      },
    },
    { input: true, output: true, cached: true, cache_write: true, request: true, above: true },
  ),
  ErrorDetail: objectOf<ErrorBody>()(errorFields(), {}),
  Error: whole(
    { error: ref('ErrorDetail') },
    { description: 'Every refusal. Decide by `code`: docs/errors.md has a page for each.' },
  ),
  ErrorEvent: whole(
    { error: whole({ ...errorFields(), request_id: text }) },
    { description: 'The last event of a stream that has broken.' },
  ),
};

function tokenPrices() {
  return { input: price, output: price, cached: price, cache_write: price };
}

function errorFields() {
  return {
    message: about('For people. It may change.', text),
    type: { type: 'string', enum: [...new Set(errorCodes.map((code) => errorKind(code).type))] },
    param: about('The path of the field at fault, or null.', orNull(text)),
    code: { type: 'string', enum: errorCodes },
  };
}
