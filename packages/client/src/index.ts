export type { APIPromise, WithResponse } from './client/api-promise.ts';
export type { Completions } from './client/completions.ts';
export type { Models, ModelsPage } from './client/models.ts';
export type { ClientOptions, Fetch, HeadersLike, RequestOptions, StreamOptions } from './client/options.ts';
export { Tailrace, Tailrace as default } from './client/tailrace.ts';
export {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  type ErrorDetails,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  StreamTruncatedError,
  TailraceError,
  UnprocessableEntityError,
} from './errors/errors.ts';
export {
  createHealingFetch,
  type FetchFunction,
  type HealingFetchOptions,
} from './healing-fetch/healing-fetch.ts';
export { toSSEResponse, toTextResponse, toUIMessageStreamResponse } from './responses/responses.ts';
export type { UIMessageChunk, UIMessageStreamInit } from './responses/ui-message-chunk.ts';
export type * from './stream/contract.ts';
export { openChatStream } from './stream/open-stream.ts';
export type * from './structured/contract.ts';
export { createPartialJson, type PartialJson, parsePartialJson } from './structured/partial-json.ts';
export {
  type ResponseFormatOptions,
  responseFormat,
  type TypedResponseFormat,
} from './structured/response-format.ts';
export type { SchemaIssue, SchemaOutput, StandardSchema } from './structured/standard-schema.ts';
export * from './structured/structured-output-error.ts';
export type * from './tools/contract.ts';
export type * from './types/chat.ts';
