import type { ChatRequest } from './chat-request.ts';

/** English text runs at about four characters a token in today's vocabularies. */
const charactersPerToken = 4;
/** Role and separators of a message, by every common template. */
const tokensPerMessage = 4;

/**
 * Prompt tokens of a request, roughly: for usage where no target says, and for reserving before one is
 * asked. Counting exactly would mean running a tokenizer on the event loop, which long texts can freeze.
 */
export function estimatePromptTokens(request: Pick<ChatRequest, 'messages'>): number {
  let characters = 0;
  for (const message of request.messages) {
    for (const part of message.content) if (part.type === 'text') characters += part.text.length;
  }
  return Math.ceil(characters / charactersPerToken) + tokensPerMessage * request.messages.length;
}
