import type { ErrorCode } from '@tailrace/protocol';
import { formatTypes } from '../../packages/server/src/wire/chat/plain-fields.ts';
import { listOf } from './admin-answers.ts';
import { json, type Operation, rateLimitHeaders } from './operation.ts';
import * as parameters from './parameters.ts';
import { anyObject, object, ref, whole } from './schema.ts';

/* The routes under `/v1`. Their paths, methods and access are in the route table. */

const body: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_type',
  'body_too_large',
  'unsupported_media_type',
];

/** What a completion can end in once it is admitted. */
const answering: readonly ErrorCode[] = [
  ...(['context_length_exceeded', 'content_policy_violation', 'completion_cancelled'] as const),
  ...([
    'upstream_refused',
    'upstream_protocol',
    'upstream_auth',
    'upstream_cut',
    'no_healthy_upstream',
  ] as const),
  ...(['first_token_timeout', 'stall_timeout', 'deadline_exceeded', 'rate_limit_exceeded'] as const),
  'unsupported_parameter',
];

const kept: readonly ErrorCode[] = ['completion_not_found', 'events_gone', 'storage_unavailable'];
const stream = { 'text/event-stream': ref('ChatCompletionStream') };
const cancelling = ['completion_not_found', 'unsupported_parameter', ...body] as const;

const hello = [{ role: 'user', content: 'Say hello.' }];
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const city = {
  name: 'city',
  schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};

export const clientOperations: Readonly<Record<string, Operation>> = {
  'POST /v1/chat/completions': {
    id: 'createChatCompletion',
    tag: 'Chat',
    summary: 'Answer a chat',
    description:
      'One JSON body, or a stream with `stream: true`. What fails before the first token is an HTTP error; later failures are the last event of the stream.',
    parameters: parameters.completion,
    body: {
      schema: ref('ChatCompletionRequest'),
      required: true,
      examples: {
        plain: { model: 'default', messages: hello },
        stream: { model: 'default', messages: hello, stream: true },
        tools: { model: 'default', messages: hello, tools: [weather], tool_choice: 'auto' },
        structured: {
          model: 'default',
          messages: [{ role: 'user', content: 'Name a city.' }],
          response_format: { type: formatTypes[2], json_schema: city },
        },
      },
    },
    answers: {
      200: {
        description: 'The answer, in the form that `stream` asks for.',
        content: { ...json(ref('ChatCompletion')), ...stream },
        headers: [
          ...([
            'tailrace-completion-id',
            'tailrace-target',
            'tailrace-stream-url',
            'idempotent-replayed',
          ] as const),
          ...rateLimitHeaders,
        ],
      },
      204: { description: 'With `Last-Event-ID`: the stream has ended, and the client has all of it.' },
    },
    errors: [
      ...body,
      ...answering,
      ...kept,
      ...(['missing_parameter', 'model_not_allowed', 'model_not_found', 'idempotency_key_reused'] as const),
      ...(['insufficient_quota', 'overloaded', 'draining'] as const),
    ],
  },
  'GET /v1/chat/completions/{id}/events': {
    id: 'readCompletionEvents',
    tag: 'Chat',
    summary: 'Read a kept stream again',
    description:
      'From an event on, and then live. The stream was begun with `Tailrace-Resumable: true`, by the same key.',
    parameters: [
      {
        name: 'after',
        in: 'query',
        schema: { type: 'string', pattern: '^(0|[1-9]\\d{0,14})$', default: '0' },
        description: 'The number of the last event that the client has. `Last-Event-ID` wins over it.',
        example: '17',
      },
      parameters.lastEventId,
    ],
    answers: {
      200: {
        description: 'The events behind it, each with its number as `id:`.',
        content: stream,
        headers: ['tailrace-completion-id', ...rateLimitHeaders],
      },
      204: { description: 'The stream has ended, and the client has all of it.' },
    },
    errors: [...answering, ...kept, 'draining'],
  },
  'POST /v1/chat/completions/{id}/cancel': {
    id: 'cancelCompletion',
    tag: 'Chat',
    summary: 'Cancel a completion',
    description: 'Stops the generation, wherever it runs. One that has ended is answered with how it ended.',
    body: { schema: ref('NoFields'), required: false, examples: {} },
    answers: {
      200: { description: 'How it ended.', content: json(ref('Cancelled')), headers: rateLimitHeaders },
    },
    errors: cancelling,
  },
  'GET /v1/streams/{id}': {
    id: 'readStream',
    tag: 'Chat',
    summary: 'Read a kept stream by the Durable Streams protocol',
    description: 'The read half of the protocol 1.0. A signed address stands for a key.',
    parameters: [...parameters.durable, ...parameters.signed],
    answers: {
      200: {
        description: 'Messages of the stream: chunks, and the error event where it has broken.',
        content: {
          'application/json': {
            type: 'array',
            items: { anyOf: [ref('ChatCompletionChunk'), ref('ErrorEvent')] },
          },
          'text/event-stream': object(
            { event: { type: 'string', enum: ['data', 'control'] }, data: { type: 'string' } },
            ['event', 'data'],
            {
              description: 'With `live=sse`: `event: data`, a JSON array of messages, and `event: control`.',
            },
          ),
        },
        headers: ['stream-next-offset', 'stream-up-to-date', 'stream-closed', 'stream-cursor', 'etag'],
      },
      204: {
        description: 'With `live=long-poll`: nothing came.',
        headers: ['stream-next-offset', 'stream-up-to-date', 'stream-closed', 'stream-cursor'],
      },
      304: { description: 'The client has this answer.' },
    },
    errors: ['missing_parameter', ...kept],
  },
  'HEAD /v1/streams/{id}': {
    id: 'describeStream',
    tag: 'Chat',
    summary: 'Ask where a kept stream ends',
    parameters: parameters.signed,
    answers: {
      200: {
        description: 'Only headers.',
        content: json({}),
        headers: ['stream-next-offset', 'stream-up-to-date', 'stream-closed'],
      },
    },
    errors: kept,
  },
  'DELETE /v1/streams/{id}': {
    id: 'deleteStream',
    tag: 'Chat',
    summary: 'Cancel a kept stream, or drop one that has ended',
    parameters: parameters.signed,
    answers: { 204: { description: 'Done.' } },
    errors: kept,
  },
  'GET /v1/models': {
    id: 'listModels',
    tag: 'Models',
    summary: 'List the models that the key may use',
    answers: {
      200: {
        description: 'Every id and alias.',
        content: json(
          whole({ object: { type: 'string', const: 'list' }, data: { type: 'array', items: ref('Model') } }),
        ),
        headers: rateLimitHeaders,
      },
    },
    errors: [],
  },
  'GET /v1/models/{id}': {
    id: 'getModel',
    tag: 'Models',
    summary: 'Show a model',
    description: 'The id may contain `/`, plain or as `%2F`.',
    answers: { 200: { description: 'The model.', content: json(ref('Model')), headers: rateLimitHeaders } },
    errors: ['model_not_found', 'model_not_allowed'],
  },
  'GET /v1/usage': {
    id: 'getOwnUsage',
    tag: 'Usage',
    summary: 'Show what the key has used, and what is left of its budget',
    parameters: [parameters.groupBy, ...parameters.own(['user', 'model', 'tag', 'since', 'until'])],
    answers: { 200: { description: 'The sums.', content: json(ref('OwnUsage')), headers: rateLimitHeaders } },
    errors: ['unsupported_parameter', 'storage_unavailable'],
  },
  'GET /v1/fault-lab': {
    id: 'getFaultLab',
    tag: 'Fault lab',
    mayBeOff: true,
    summary: 'Show what the key may use of the lab',
    answers: {
      200: {
        description: 'Its settings.',
        content: json(
          whole({
            settings: {
              type: 'array',
              items: whole({
                name: { type: 'string' },
                title: { type: 'string' },
                description: { type: 'string' },
              }),
            },
          }),
        ),
        headers: rateLimitHeaders,
      },
    },
    errors: [],
  },
  'GET /v1/fault-lab/faults': {
    id: 'listFaults',
    tag: 'Fault lab',
    mayBeOff: true,
    summary: 'List the faults',
    answers: {
      200: { description: 'Groups of faults.', content: json(listOf(anyObject)), headers: rateLimitHeaders },
    },
    errors: [],
  },
  'GET /v1/fault-lab/stories': {
    id: 'findStory',
    tag: 'Fault lab',
    mayBeOff: true,
    summary: 'Find how an answer came about',
    parameters: [
      {
        name: 'name',
        in: 'query',
        schema: { type: 'string', minLength: 1, maxLength: 1_024 },
        description: 'The id of the completion, or what its request has as `metadata.story`.',
        required: true,
        example: 'chatcmpl-1',
      },
    ],
    answers: {
      200: {
        description: 'One story, or none.',
        content: json(listOf(ref('Story'))),
        headers: rateLimitHeaders,
      },
    },
    errors: ['unsupported_parameter', 'storage_unavailable'],
  },
  'GET /v1/fault-lab/stories/{id}': {
    id: 'getStory',
    tag: 'Fault lab',
    mayBeOff: true,
    summary: 'Show how an answer came about',
    answers: { 200: { description: 'The story.', content: json(ref('Story')), headers: rateLimitHeaders } },
    errors: ['completion_not_found', 'storage_unavailable'],
  },
};
