import { type AssistantMessage, partsOf } from '../../domain/chat-request.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ArgumentsReader } from '../http/request/request-json.ts';
import { asCount, asList, asRecord } from '../http/unknown-json.ts';

/**
 * How the content of an assistant turn goes out and comes back. Thoughts carry signatures and have to return
 * unchanged and in their place, so that `extra_content.anthropic.blocks` keeps the order of all blocks: the
 * thoughts whole, of the others only where they stood.
 */
export type KeptBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  /** So many UTF-16 units of the message's text. */
  | { readonly type: 'text'; readonly length: number }
  | { readonly type: 'tool_use'; readonly id: string };

/** For the finish event; undefined where there were no thoughts, and so nothing to give back. */
export function keepBlocks(blocks: readonly KeptBlock[]): JsonObject | undefined {
  if (!blocks.some(isThought)) return undefined;
  return { anthropic: { blocks: blocks.map((block) => ({ ...block })) } };
}

export function hasSignedThoughts(message: AssistantMessage): boolean {
  return keptBlocks(message).some(isThought);
}

/**
 * The content of an assistant turn as the API takes it; `ids` are those of its calls, in order (`tool-use-ids.ts`).
 * Empty where nothing is left to say.
 */
export function assistantBlocks(
  message: AssistantMessage,
  ids: readonly string[],
  readArguments: ArgumentsReader['read'],
): JsonObject[] {
  const text = partsOf(message)
    .map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : ''))
    .join('');
  const calls = message.toolCalls.map(
    (call, index): JsonObject => ({
      type: 'tool_use',
      id: ids[index] ?? '',
      name: call.name,
      input: readArguments(call.arguments),
    }),
  );
  const kept = keptBlocks(message);
  const places = message.toolCalls.map(({ id }) => id);
  return (
    inPlace(kept, text, { places, calls }) ?? [
      ...kept.filter(isThought).map(thought),
      ...textBlocks(text),
      ...calls,
    ]
  );
}

/** Blocks without anything but white space are refused by the API, and say nothing. */
export function textBlocks(text: string): JsonObject[] {
  return text.trim() === '' ? [] : [{ type: 'text', text }];
}

/** Undefined where the message is not the one the blocks were kept for. */
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

/** What a client sent back may be anything: blocks that are none are left out. */
function keptBlocks({ extra }: AssistantMessage): readonly KeptBlock[] {
  return asList(asRecord(extra?.['anthropic'])?.['blocks']).flatMap((value) => keptBlock(value) ?? []);
}

function keptBlock(value: unknown): KeptBlock | undefined {
  const block = asRecord(value);
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
