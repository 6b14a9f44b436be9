import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { PromptMessage, PromptTool } from './protocol.ts';

/** All that a prompt is made of. */
export interface PromptContent {
  readonly messages: readonly PromptMessage[];
  /** What may be called. */
  readonly tools?: readonly PromptTool[];
  /** The beginning of the answer; the prompt goes on exactly behind it. */
  readonly prefix?: string;
}

/**
 * Tokens that a prompt has at least, known without looking at its text: each message costs one, and no token is
 * longer than the vocabulary's longest. Cheap, so that megabytes are refused before anything is computed. White space
 * around a message is not counted, nor are names of speakers: templates may leave them out.
 */
export function leastTokens(content: PromptContent, longestToken: number): number {
  const units = promptUnits(content, (text) => text.trim());
  return Math.max(content.messages.length, Math.floor(units / longestToken));
}

/** UTF-16 units of what a prompt says, names of speakers left out; `read` may make texts shorter. */
export function promptUnits(
  { messages, tools = [], prefix = '' }: PromptContent,
  read: (text: string) => string = (text) => text,
): number {
  let units = prefix.length;
  for (const message of messages) {
    units += read(message.content).length;
    for (const call of message.toolCalls ?? []) units += call.name.length + call.arguments.length;
  }
  for (const { name, description = '', parameters } of tools) {
    units += name.length + read(description).length + textLength(parameters);
  }
  return units;
}

/** `exact` is false where the count was given up on the way. */
export function promptTooLong(
  contextLength: number,
  tokens: number,
  exact: boolean,
  { tools = [] }: PromptContent,
): Failure {
  // The message may be a word, and what the tools say a book.
  const what =
    tools.length > 0 ? ['messages and tools', 'messages, or fewer tools'] : ['messages', 'messages'];
  return failure(
    'context_length_exceeded',
    `This model reads and writes at most ${contextLength} tokens together, at least one of them written; ` +
      `the ${what[0]} have ${exact ? '' : 'at least '}${tokens} tokens. Send fewer or shorter ${what[1]}.`,
    { param: 'messages' },
  );
}

/** UTF-16 units of all keys and strings. Nesting is bounded where bodies are read. */
function textLength(value: JsonValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let units = 0;
  for (const [key, item] of Object.entries(value)) units += key.length + textLength(item);
  return units;
}
