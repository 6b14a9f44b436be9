import type { ChatRequest } from './chat-request.ts';

/** A streaming request for tests and benches, with one message of the user. */
export function fakeChatRequest(text: string, more: Partial<ChatRequest> = {}): ChatRequest {
  return {
    model: 'm',
    messages: [{ role: 'user', content: text }],
    stream: true,
    stop: [],
    n: 1,
    logprobs: false,
    responseFormat: { type: 'text' },
    tools: [],
    rest: {},
    ...more,
  };
}
