import { type Failure, failure } from '../domain/failure.ts';
import type { PromptMessage } from './protocol.ts';

/**
 * Tokens that messages have at least, known without looking at them: each message costs one, and no token is
 * longer than the vocabulary's longest. Cheap, so that megabytes are refused before anything is computed.
 */
export function leastTokens(messages: readonly PromptMessage[], longestToken: number, prefix = ''): number {
  let units = prefix.length;
  for (const message of messages) {
    units += message.content.length;
    for (const call of message.toolCalls ?? []) units += call.name.length + call.arguments.length;
  }
  return Math.max(messages.length, Math.floor(units / longestToken));
}

/** `exact` is false where the count was given up on the way. */
export function promptTooLong(contextLength: number, tokens: number, exact: boolean): Failure {
  return failure(
    'context_length_exceeded',
    `This model reads and writes at most ${contextLength} tokens together, at least one of them written; ` +
      `the messages have ${exact ? '' : 'at least '}${tokens} tokens. Send fewer or shorter messages.`,
    { param: 'messages' },
  );
}
