import { type AssistantMessage, partsOf, type ToolCall } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import { textOfParts } from '../http/request/message-parts.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { asCount, asList, asObject } from '../http/unknown-json.ts';
import { cacheControlOf, cacheControlOfParts, withCacheControl } from './cache-control.ts';

/**
 * One block of an assistant's turn, as `extra_content.anthropic.blocks` keeps it. The next turn must send signed thoughts back
 * unchanged and in their place. So thoughts are kept whole. For other blocks only the position is kept.
 */
export type KeptBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  /** `length`: UTF-16 units of the message's text. */
  | { readonly type: 'text'; readonly length: number }
  | { readonly type: 'tool_use'; readonly id: string };

/** The extra content for the finish event; undefined where no block is a thought. */
export function keepBlocks(blocks: readonly KeptBlock[]): JsonObject | undefined {
  if (!blocks.some(isThought)) return undefined;
  return { anthropic: { blocks: blocks.map((block) => ({ ...block })) } };
}

/** Whether a message has kept thoughts with signatures. */
export function hasSignedThoughts(message: AssistantMessage): boolean {
  return keptBlocks(message).some(isThought);
}

/**
 * The content of an assistant's turn for the API. `ids` are the ids of its calls, in order (`tool-use-ids.ts`). Empty where the
 * message has neither text nor calls nor thoughts.
 */
export function assistantBlocks(
  message: AssistantMessage,
  ids: readonly string[],
  readArguments: ArgumentsReader['read'],
): JsonObject[] {
  const text = textOfParts(partsOf(message));
  const control = cacheControlOfParts(message);
  const calls = message.toolCalls.map(
    (call, index): JsonObject => ({
      type: 'tool_use',
      id: ids[index] ?? '',
      name: call.name,
      input: readArguments(call.arguments),
      ...markOf(call),
    }),
  );
  const kept = keptBlocks(message);
  const places = message.toolCalls.map(({ id }) => id);
  const placed = inPlace(kept, text, { places, calls });
  if (placed !== undefined) return [...withCacheControl(placed, control)];
  const written = withCacheControl(textBlocks(text), control);
  return [...kept.filter(isThought).map(thought), ...written, ...calls];
}

function markOf(call: ToolCall): JsonObject {
  const control = cacheControlOf(call);
  return control === undefined ? {} : { cache_control: control };
}

/** A text as a block; none for white space, which the API refuses. */
export function textBlocks(text: string): JsonObject[] {
  return text.trim() === '' ? [] : [{ type: 'text', text }];
}

/** All blocks in their kept order; undefined where none were kept, or the client has changed the message since. */
function inPlace(
  kept: readonly KeptBlock[],
  text: string,
  { places, calls }: { readonly places: readonly string[]; readonly calls: readonly JsonObject[] },
): JsonObject[] | undefined {
  if (kept.length === 0) return undefined;
  const blocks: JsonObject[] = [];
  let at = 0;
  let next = 0;
  for (const block of kept) {
    if (block.type === 'text') {
      blocks.push(...textBlocks(text.slice(at, at + block.length)));
      at += block.length;
    } else if (block.type === 'tool_use') {
      const call = calls[next];
      if (call === undefined || places[next] !== block.id) return undefined;
      next += 1;
      blocks.push(call);
    } else blocks.push(thought(block));
  }
  return at === text.length && next === calls.length ? blocks : undefined;
}

function isThought(block: KeptBlock): block is Extract<KeptBlock, { type: `${string}thinking` }> {
  return block.type === 'thinking' || block.type === 'redacted_thinking';
}

function thought(block: Extract<KeptBlock, { type: `${string}thinking` }>): JsonObject {
  return { ...block };
}

/** The kept blocks that a client has sent back; values that are no kept block are left out. */
function keptBlocks({ extra }: AssistantMessage): readonly KeptBlock[] {
  return asList(asObject(extra?.['anthropic'])?.['blocks']).flatMap((value) => keptBlock(value) ?? []);
}

function keptBlock(value: unknown): KeptBlock | undefined {
  const block = asObject(value);
  switch (block?.['type']) {
    case 'thinking': {
      const { thinking, signature } = block;
      if (typeof thinking !== 'string' || typeof signature !== 'string' || signature === '') return undefined;
      return { type: 'thinking', thinking, signature };
    }
    case 'redacted_thinking':
      return typeof block['data'] === 'string'
        ? { type: 'redacted_thinking', data: block['data'] }
        : undefined;
    case 'text': {
      const length = asCount(block['length']);
      return length === undefined ? undefined : { type: 'text', length };
    }
    case 'tool_use':
      return typeof block['id'] === 'string' ? { type: 'tool_use', id: block['id'] } : undefined;
    default:
      return undefined;
  }
}
