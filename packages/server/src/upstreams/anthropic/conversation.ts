import { type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseDataUrl } from '../http/request/data-url.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { assistantBlocks, textBlocks } from './assistant-blocks.ts';
import type { ClaudeModel } from './models.ts';
import { createToolUseIds } from './tool-use-ids.ts';

/** The `system` and `messages` of a request. */
export interface Conversation {
  readonly system: readonly JsonObject[];
  readonly messages: readonly JsonObject[];
}

interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: JsonObject[];
}

/**
 * Stands where a user's turn has nothing to say: the API refuses a turn without content and a text of white space,
 * and without the turn the ones around it would become one.
 */
const nothingSaid: JsonObject = { type: 'text', text: '(empty)' };

/**
 * Messages as alternating turns: neighbours of one role are one turn, tool results stand first in the user's. What
 * the API would refuse has been refused before (`refusals.ts`).
 *
 * Instructions (`system`, `developer`) at the beginning become `system`. Later ones stay where they are on
 * models that take system turns, where the API takes one: behind a user's turn and before an assistant's.
 * Everywhere else they move up into `system`, in order: their place is lost, their authority is not.
 *
 * `prefix` becomes the assistant turn that is to be continued, without the white space at its end, which the
 * API refuses there; the answer has to begin with it (`stream.ts`).
 */
export function conversation(
  messages: readonly Message[],
  model: ClaudeModel,
  readArguments: ArgumentsReader['read'],
  prefix?: string,
): Conversation {
  const ids = createToolUseIds(messages);
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  const add = (role: Turn['role'], content: readonly JsonObject[]) => {
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    // A user who says nothing still has a turn.
    else if (content.length > 0 || role === 'user') turns.push({ role, content: [...content] });
  };

  for (const [index, message] of messages.entries()) {
    switch (message.role) {
      case 'system':
      case 'developer': {
        const blocks = partsOf(message).flatMap((part) => textBlocks(textOf(part)));
        const stays = model.systemTurns && takesSystemTurn(turns, messages[index + 1]);
        if (!stays) system.push(...blocks);
        else if (blocks.length > 0) add('system', blocks);
        break;
      }
      case 'user':
        add('user', userBlocks(partsOf(message)));
        break;
      case 'tool': {
        const content = userBlocks(partsOf(message));
        add('user', [
          {
            type: 'tool_result',
            tool_use_id: ids.ofResult(index),
            ...(content.length === 0 ? {} : { content }),
          },
        ]);
        break;
      }
      case 'assistant': {
        const callIds = message.toolCalls.map((_, call) => ids.ofCall(index, call));
        add('assistant', assistantBlocks(message, callIds, readArguments));
        break;
      }
    }
  }
  if (prefix !== undefined) add('assistant', textBlocks(prefix.trimEnd()));
  // Instructions alone are a request too, and the API wants a user's turn.
  if (turns.length === 0) return { system: [], messages: [wireTurn({ role: 'user', content: system })] };
  return { system, messages: turns.map(wireTurn) };
}

function wireTurn({ role, content }: Turn): JsonObject {
  return { role, content: content.length === 0 ? [nothingSaid] : content };
}

function takesSystemTurn(turns: readonly Turn[], next: Message | undefined): boolean {
  const last = turns.at(-1)?.role;
  return (last === 'user' || last === 'system') && (next === undefined || next.role === 'assistant');
}

function userBlocks(parts: readonly ContentPart[]): JsonObject[] {
  return parts.flatMap((part) => {
    if (part.type !== 'image') return textBlocks(textOf(part));
    const source = imageSource(part.url);
    return source === undefined ? [] : [{ type: 'image', source }];
  });
}

function textOf(part: ContentPart): string {
  return part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : '';
}

// platform.claude.com/docs/en/build-with-claude/vision
const imageTypes = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** Undefined where the API takes no such image. */
export function imageSource(url: string): JsonObject | undefined {
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  const inline = parseDataUrl(url);
  const mediaType = inline?.mediaType === 'image/jpg' ? 'image/jpeg' : inline?.mediaType;
  if (inline === undefined || mediaType === undefined || !imageTypes.has(mediaType)) return undefined;
  return { type: 'base64', media_type: mediaType, data: inline.base64 };
}
