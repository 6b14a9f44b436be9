'use client';

export type { ChatMessage, NewMessage } from './chat-message.ts';
export type { ChatClient } from './chat-source.ts';
export type { ChatStatus } from './chat-store.ts';
export { type UseChat, type UseChatOptions, useChat } from './use-chat.ts';
export { type UseCompletion, type UseCompletionOptions, useCompletion } from './use-completion.ts';
