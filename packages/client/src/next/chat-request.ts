import type { ChatCompletionCreateParamsBase, ChatCompletionMessageParam } from '../types/chat.ts';
import type { JsonObject } from './read-json-body.ts';
import type { Refusal } from './refusal.ts';
import { isUiMessage, messagesOfUi } from './ui-messages.ts';

/** A request for a chat completion. Fields that are not named here are sent as they are. */
export type ChatRequestBody = Omit<ChatCompletionCreateParamsBase, 'model'> & {
  model?: string;
  stream?: boolean | null;
};

/** What a page has sent, with its messages in OpenAI's form. Nothing else in it has been checked. */
export type PageBody = JsonObject & {
  readonly messages: ChatCompletionMessageParam[];
  readonly stream: boolean;
};

export type ReadMessages =
  | { readonly ok: true; readonly messages: ChatCompletionMessageParam[] }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * The messages of a browser's request, in OpenAI's form: `messages` in that form or in the one of the AI SDK (with `parts`), or
 * `prompt`, a text. Where the app has a system prompt, a browser cannot bring another one.
 */
export function readMessages(body: JsonObject, hasSystem: boolean): ReadMessages {
  const { messages, prompt } = body;
  if (messages === undefined && typeof prompt === 'string') {
    return { ok: true, messages: [{ role: 'user', content: prompt }] };
  }
  if (messages === undefined) return refused('missing_parameter', "'messages' is missing.", 'messages');
  if (!Array.isArray(messages)) return refused('invalid_type', "'messages' must be a list.", 'messages');
  const read: unknown[] = [];
  for (const [index, message] of (messages as unknown[]).entries()) {
    if (typeof message !== 'object' || message === null) {
      return refused('invalid_type', 'A message must be an object.', `messages[${index}]`);
    }
    const { role } = message as { role?: unknown };
    if (hasSystem && (role === 'system' || role === 'developer')) {
      const why = `The instructions of this chat are set by the app: a message of role '${role}' is not taken.`;
      return refused('invalid_value', why, `messages[${index}].role`);
    }
    if (isUiMessage(message)) read.push(...messagesOfUi(message));
    else read.push(message);
  }
  // What is in them the server checks.
  return { ok: true, messages: read as ChatCompletionMessageParam[] };
}

function refused(code: Refusal['code'], message: string, param: string): ReadMessages {
  return { ok: false, refusal: { code, message, param } };
}
