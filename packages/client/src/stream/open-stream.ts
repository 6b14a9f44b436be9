import { type ChatStreamForm, createChatStream } from './chat-stream.ts';
import type { ChatStream, ChatStreamOptions, StreamSource } from './contract.ts';
import { createStreamReader } from './stream-reader.ts';

/** Opens nothing yet: the first reader does, or `response`. */
export function openChatStream(
  source: StreamSource,
  options?: ChatStreamOptions,
  form?: Pick<ChatStreamForm, 'asked' | 'isHelper'>,
): ChatStream {
  return createChatStream(createStreamReader(source, options), form);
}
