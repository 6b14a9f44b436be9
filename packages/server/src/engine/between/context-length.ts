import { type Failure, failure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { PromptMessage, PromptTool } from './protocol.ts';

/** The parts of a prompt. */
export interface PromptContent {
  readonly messages: readonly PromptMessage[];
  /** The functions that may be called. Default: none. */
  readonly tools?: readonly PromptTool[];
  /** The beginning of the answer; the prompt ends with it. */
  readonly prefix?: string;
}

/**
 * The least number of tokens of a prompt, from lengths alone: each message has one, and no token is longer than the
 * longest of the vocabulary. Cheap, so that a prompt of megabytes is refused before it is rendered. White space around
 * a message and names of speakers are not counted, because templates may leave them out.
 */
export function leastTokens(content: PromptContent, longestToken: number): number {
  const units = promptUnits(content, (text) => text.trim());
  return Math.max(content.messages.length, Math.floor(units / longestToken));
}

/** UTF-16 units of all texts of a prompt but the names of speakers; `read` may shorten a text. */
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

/** `exact`: false where counting ended before the end of the prompt. */
export function promptTooLong(
  contextLength: number,
  tokens: number,
  exact: boolean,
  { tools = [] }: PromptContent,
): Failure {
  // The tools may be much longer than the messages.
  const what =
    tools.length > 0 ? ['messages and tools', 'messages, or fewer tools'] : ['messages', 'messages'];
  return failure(
    'context_length_exceeded',
    `This model reads and writes at most ${contextLength} tokens together, at least one of them written; ` +
      `the ${what[0]} have ${exact ? '' : 'at least '}${tokens} tokens. Send fewer or shorter ${what[1]}.`,
    { param: 'messages' },
  );
}

/** UTF-16 units of all keys and strings. The reader of request bodies limits the nesting. */
function textLength(value: JsonValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let units = 0;
  for (const [key, item] of Object.entries(value)) units += key.length + textLength(item);
  return units;
}
