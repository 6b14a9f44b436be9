import type { JsonText } from '@tailrace/protocol';
import { type ChatRequest, partsOf } from './chat-request.ts';

/** English text has about four characters a token in today's vocabularies. */
const charactersPerToken = 4;
/** Tokens for the role and the separators of a message, in common chat templates. */
const tokensPerMessage = 4;

/**
 * A rough estimate of a request's prompt tokens: for the usage where no target reports one, and for a reservation before a
 * target is asked. An exact count would need a tokenizer, and a long text would block the event loop.
 */
export function estimatePromptTokens(request: Pick<ChatRequest, 'messages'>): number {
  let characters = 0;
  for (const message of request.messages) {
    for (const part of partsOf(message)) if (part.type === 'text') characters += part.text.length;
  }
  return Math.ceil(characters / charactersPerToken) + tokensPerMessage * request.messages.length;
}

/** The longest token, in escaped UTF-16 units. A longer delta has several tokens. */
const longestToken = 64;
/** Escaped UTF-16 units for one token: about one word with its space, or one escaped character beyond ASCII. */
const escapedPerToken = 6;

/**
 * The tokens of a delta, estimated where the target has not counted them. Most targets send one token a delta, so a short
 * delta counts as one; the tokens of a longer one are estimated from its length.
 */
export function tokensOf(delta: { readonly json: JsonText; readonly tokens?: number }): number {
  const { json, tokens } = delta;
  return tokens ?? (json.length <= longestToken ? 1 : Math.ceil(json.length / escapedPerToken));
}
