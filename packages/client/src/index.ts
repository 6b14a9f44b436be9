export type { APIPromise, WithResponse } from './client/api-promise.ts';
export type { Completions } from './client/completions.ts';
export type { Models, ModelsPage } from './client/models.ts';
export type { ClientOptions, Fetch, HeadersLike, RequestOptions, StreamOptions } from './client/options.ts';
export { Tailrace, Tailrace as default } from './client/tailrace.ts';
export * from './errors/errors.ts';
export type * from './stream/contract.ts';
export { openChatStream } from './stream/open-stream.ts';
export type * from './types/chat.ts';
