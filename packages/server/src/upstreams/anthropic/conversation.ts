import type { ContentPart, Message } from '../../domain/chat-request.ts';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseDataUrl } from '../shared/data-url.ts';
import { assistantBlocks, textBlocks, toolUseId } from './assistant-blocks.ts';
import type { ClaudeModel } from './models.ts';

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
 * Messages as alternating turns: neighbours of one role are one turn, tool results stand first in the user's.
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
  prefix?: string,
): Result<Conversation> {
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  const add = (role: Turn['role'], content: readonly JsonObject[]) => {
    if (content.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content: [...content] });
  };

  for (const [index, message] of messages.entries()) {
    switch (message.role) {
      case 'system':
      case 'developer': {
        const blocks = message.content.flatMap((part) => (part.type === 'text' ? textBlocks(part.text) : []));
        const stays = model.systemTurns && takesSystemTurn(turns, messages[index + 1]);
        if (stays) add('system', blocks);
        else system.push(...blocks);
        break;
      }
      case 'user': {
        const blocks = userBlocks(message.content, `messages[${index}].content`);
        if (!blocks.ok) return blocks;
        add('user', blocks.value);
        break;
      }
      case 'tool': {
        const blocks = userBlocks(message.content, `messages[${index}].content`);
        if (!blocks.ok) return blocks;
        add('user', [
          {
            type: 'tool_result',
            tool_use_id: toolUseId(message.toolCallId),
            ...(blocks.value.length === 0 ? {} : { content: blocks.value }),
          },
        ]);
        break;
      }
      case 'assistant':
        add('assistant', assistantBlocks(message));
        break;
    }
  }
  if (prefix !== undefined) add('assistant', textBlocks(prefix.trimEnd()));
  // Instructions alone are a request too, and the API wants a user's turn.
  if (turns.length === 0) return ok({ system: [], messages: [{ role: 'user', content: system }] });
  return ok({ system, messages: turns.map((turn) => ({ ...turn })) });
}

function takesSystemTurn(turns: readonly Turn[], next: Message | undefined): boolean {
  const last = turns.at(-1)?.role;
  return (last === 'user' || last === 'system') && (next === undefined || next.role === 'assistant');
}

function userBlocks(parts: readonly ContentPart[], path: string): Result<JsonObject[]> {
  const blocks: JsonObject[] = [];
  for (const [index, part] of parts.entries()) {
    switch (part.type) {
      case 'text':
        blocks.push(...textBlocks(part.text));
        break;
      case 'image': {
        const source = imageSource(part.url);
        if (source === undefined) {
          const param = `${path}[${index}].image_url.url`;
          const message = `'${param}' must be an http(s) URL, or a base64 data URL of a JPEG, PNG, GIF or WebP.`;
          return fail(failure('invalid_value', message, { param }));
        }
        blocks.push({ type: 'image', source });
        break;
      }
      case 'refusal':
      case 'audio':
      case 'file':
        // Not a user's, or not declared: such a request is never sent here.
        break;
    }
  }
  return ok(blocks);
}

// platform.claude.com/docs/en/build-with-claude/vision
const imageTypes = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

function imageSource(url: string): JsonObject | undefined {
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  const inline = parseDataUrl(url);
  const mediaType = inline?.mediaType === 'image/jpg' ? 'image/jpeg' : inline?.mediaType;
  if (inline === undefined || mediaType === undefined || !imageTypes.has(mediaType)) return undefined;
  return { type: 'base64', media_type: mediaType, data: inline.base64 };
}
