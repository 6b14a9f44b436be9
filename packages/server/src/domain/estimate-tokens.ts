import type { JsonText } from '@tailrace/protocol';
import { type ChatRequest, partsOf } from './chat-request.ts';

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
    for (const part of partsOf(message)) if (part.type === 'text') characters += part.text.length;
  }
  return Math.ceil(characters / charactersPerToken) + tokensPerMessage * request.messages.length;
}

/** No token is longer, escaped; a delta that is longer is several. */
const longestToken = 64;
/** A word and its space; a character beyond ASCII is six when escaped, which is about right for one token. */
const escapedPerToken = 6;

/**
 * Tokens of a delta, guessed where nobody has counted them. One a delta is what most targets send, so what might be
 * one is one; of one that cannot be, the length says more.
 */
export function tokensOf(delta: { readonly json: JsonText; readonly tokens?: number }): number {
  const { json, tokens } = delta;
  return tokens ?? (json.length <= longestToken ? 1 : Math.ceil(json.length / escapedPerToken));
}
