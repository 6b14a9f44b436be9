export { type ChatHandler, type ChatHandlerOptions, createChatHandler } from './chat-handler.ts';
export type { ChatRequestBody, PageBody } from './chat-request.ts';
export type { ChatServer } from './pass-through.ts';
export type { JsonObject } from './read-json-body.ts';
