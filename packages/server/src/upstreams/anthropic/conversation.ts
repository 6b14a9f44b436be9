import { type ContentPart, type Message, partsOf } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseInlineImage } from '../http/request/data-url.ts';
import { textOfParts } from '../http/request/message-parts.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { assistantBlocks, textBlocks } from './assistant-blocks.ts';
import { cacheControlOf, cacheControlOfParts, withCacheControl } from './cache-control.ts';
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
 * The content of a user's turn that is empty. The API refuses a turn without content and a text of white space. If the turn were
 * left out, its two neighbours would become one turn.
 */
const emptyTurn: JsonObject = { type: 'text', text: '(empty)' };

/**
 * Messages as alternating turns: adjacent messages of one role are one turn, and tool results come first in a user's turn. The
 * request was checked before (`refusals.ts`).
 *
 * Instructions (`system`, `developer`) at the beginning become `system`. Later instructions stay in their place where the model
 * accepts system turns and the API accepts one there: after a user's turn and before an assistant's turn. All other
 * instructions are appended to `system`, in order: they lose their place, but not their authority.
 *
 * `prefix` becomes the last turn, which the model continues. The white space at its end is removed, because the API refuses it.
 * The answer has to begin with this white space (`stream.ts`).
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
    // An empty message of a user is a turn too.
    else if (content.length > 0 || role === 'user') turns.push({ role, content: [...content] });
  };

  for (const [index, message] of messages.entries()) {
    switch (message.role) {
      case 'system':
      case 'developer': {
        const blocks = markedBlocks(message);
        const stays = model.systemTurns && takesSystemTurn(turns, messages[index + 1]);
        if (!stays) system.push(...blocks);
        else if (blocks.length > 0) add('system', blocks);
        break;
      }
      case 'user':
        add('user', markedBlocks(message));
        break;
      case 'tool': {
        const content = partsOf(message).flatMap(userBlocks);
        const result: JsonObject = {
          type: 'tool_result',
          tool_use_id: ids.ofResult(index),
          ...(content.length === 0 ? {} : { content }),
        };
        add('user', withCacheControl([result], cacheControlOf(message) ?? cacheControlOfParts(message)));
        break;
      }
      case 'assistant': {
        const callIds = message.toolCalls.map((_, call) => ids.ofCall(index, call));
        const blocks = assistantBlocks(message, callIds, readArguments);
        add('assistant', withCacheControl(blocks, cacheControlOf(message)));
        break;
      }
    }
  }
  if (prefix !== undefined) add('assistant', textBlocks(prefix.trimEnd()));
  // The API demands a user's turn: instructions without any other message become one.
  if (turns.length === 0) return { system: [], messages: [wireTurn({ role: 'user', content: system })] };
  return { system, messages: turns.map(wireTurn) };
}

function wireTurn({ role, content }: Turn): JsonObject {
  return { role, content: content.length === 0 ? [emptyTurn] : content };
}

function takesSystemTurn(turns: readonly Turn[], next: Message | undefined): boolean {
  const last = turns.at(-1)?.role;
  return (last === 'user' || last === 'system') && (next === undefined || next.role === 'assistant');
}

/** The blocks of a message, each with the mark of its part. The mark of a part without a block goes to the block before it. */
function markedBlocks(message: Message): readonly JsonObject[] {
  let blocks: readonly JsonObject[] = [];
  for (const part of partsOf(message)) {
    blocks = withCacheControl([...blocks, ...userBlocks(part)], cacheControlOf(part));
  }
  return withCacheControl(blocks, cacheControlOf(message));
}

function userBlocks(part: ContentPart): JsonObject[] {
  if (part.type !== 'image') return textBlocks(textOfParts([part]));
  const source = imageSource(part.url);
  return source === undefined ? [] : [{ type: 'image', source }];
}

// platform.claude.com/docs/en/build-with-claude/vision
const imageTypes = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** The `source` of an image; undefined where the API does not accept such an image. */
export function imageSource(url: string): JsonObject | undefined {
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  const inline = parseInlineImage(url, imageTypes);
  return inline && { type: 'base64', media_type: inline.mediaType, data: inline.base64 };
}
