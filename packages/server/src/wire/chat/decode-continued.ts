import { type ChatRequest, type Message, partsOf } from '../../domain/chat-request.ts';
import { type Place, plainField, wrongValue } from '../fields.ts';
import { plainFields } from './plain-fields.ts';

/** The fields by which a client asks for the rest of an answer. The names are those of vLLM and SGLang. */
export const continuationField = 'continue_final_message';
export const templateField = 'add_generation_prompt';

/**
 * `continue_final_message: true`: the answer goes on behind the last message, which is its beginning. The result is that beginning, and
 * the messages before it; undefined where nobody asks for it.
 */
export function decodeContinued(
  place: Place,
  messages: readonly Message[],
): { readonly messages: readonly Message[]; readonly continued: string } | undefined {
  if (plainField(place, plainFields, continuationField) !== true) return undefined;
  const last = messages.at(-1);
  const parts = last?.role === 'assistant' && last.toolCalls.length === 0 ? partsOf(last) : [];
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const continued = texts.join('\n');
  if (messages.length > 1 && continued !== '' && texts.length === parts.length)
    return { messages: messages.slice(0, -1), continued };
  const expected = "the last of several messages to be the assistant's, with text and without calls";
  wrongValue(place.findings, continuationField, `'${continuationField}' needs ${expected}.`);
  return undefined;
}

/** What cannot begin in the middle of an answer; undefined where the request asks for none of it. */
export function notInTheMiddle({ n, responseFormat, toolChoice }: ChatRequest): string | undefined {
  if (n > 1) return `'n' of ${n}`;
  if (responseFormat.type !== 'text') return `'response_format' of type '${responseFormat.type}'`;
  if (toolChoice?.type === 'required' || toolChoice?.type === 'function') return "a forced 'tool_choice'";
  return undefined;
}
