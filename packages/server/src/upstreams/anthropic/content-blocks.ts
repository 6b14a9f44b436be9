import { isBlank, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { nameOf } from '../../telemetry/wording.ts';
import type { UnreadableOutput } from '../http/answer/answer-failures.ts';
import { withoutMembers } from '../http/answer/other-output.ts';
import { argumentsText, asObject, optionalText, parseJsonExactly } from '../http/unknown-json.ts';

/** The beginning of a block of an answer. */
export type BlockStart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  /** `id` is empty where the block has none. `input`: arguments that came with the beginning, as JSON, or empty. */
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: string }
  /** A block that our stream does not name; it is forwarded as it came. */
  | { readonly type: 'other'; readonly block: JsonObject };

/** A piece of a block. */
export interface BlockPiece {
  /** The type of its block; `tool_use` also for blocks of tools that the provider runs. */
  readonly of: 'text' | 'thinking' | 'tool_use';
  /** True for a piece of the signature of a thinking block. */
  readonly signs: boolean;
  readonly text: string;
}

/** A citation of a text block; the text is whole without it. */
export interface Citation {
  readonly of: 'citation';
  readonly citation: JsonObject;
}

/** The form of a type in this API. Any other text may hold anything, so it is not forwarded. */
const typeName = /^[a-z]\w{0,63}$/i;

/**
 * Decodes a `content_block`. Blocks of tools that the provider runs itself, and blocks of unknown types, are output that our
 * stream does not name.
 */
export function decodeBlock(value: unknown): BlockStart | UnreadableOutput {
  const block = asObject(value);
  if (block === undefined) return { unreadable: 'a content block that is no object' };
  const { type } = block;
  switch (type) {
    case 'text': {
      const text = optionalText(block['text']);
      return text === undefined ? { unreadable: 'a text block whose text is none' } : { type, text };
    }
    case 'thinking': {
      const thinking = optionalText(block['thinking']);
      const signature = optionalText(block['signature']);
      if (thinking === undefined || signature === undefined)
        return { unreadable: 'a thinking block without text' };
      return { type, thinking, signature };
    }
    case 'redacted_thinking': {
      const data = optionalText(block['data']);
      return data === undefined ? { unreadable: 'a redacted_thinking block without data' } : { type, data };
    }
    case 'tool_use':
      return decodeToolUse(block);
    default:
      if (typeof type === 'string' && typeName.test(type)) return { type: 'other', block };
      return { unreadable: `a content block of type ${nameOf(type)}` };
  }
}

function decodeToolUse(block: JsonObject): BlockStart | UnreadableOutput {
  const id = optionalText(block['id']);
  const { name, input } = block;
  if (id === undefined) return { unreadable: 'a tool call whose id is no text' };
  if (typeof name !== 'string' || name === '') return { unreadable: 'a tool call without a name' };
  const given = argumentsText(input);
  if (given === undefined) return { unreadable: 'a tool call whose input cannot be read' };
  return { type: 'tool_use', id, name, input: given };
}

/** Decodes the `delta` of a block. */
export function decodePiece(value: unknown): BlockPiece | Citation | UnreadableOutput {
  const delta = asObject(value);
  switch (delta?.['type']) {
    case 'text_delta':
      return piece('text', delta['text']);
    case 'thinking_delta':
      return piece('thinking', delta['thinking']);
    case 'signature_delta':
      return piece('thinking', delta['signature'], true);
    case 'input_json_delta':
      return piece('tool_use', argumentsText(delta['partial_json']) ?? delta['partial_json']);
    case 'citations_delta': {
      const citation = asObject(delta['citation']);
      return citation === undefined
        ? { unreadable: 'a citation that is no object' }
        : { of: 'citation', citation };
    }
    default:
      return { unreadable: `a delta of type ${nameOf(delta?.['type'])}` };
  }
}

function piece(of: BlockPiece['of'], value: unknown, signs = false): BlockPiece | UnreadableOutput {
  const text = optionalText(value);
  return text === undefined ? { unreadable: `a delta of ${of} whose text is none` } : { of, signs, text };
}

/**
 * The event, parsed again with the spelling of its numbers where it has a block or a citation that is forwarded as it came.
 * Other events have no number that is passed on.
 */
export function exactly(event: JsonObject, data: string): JsonObject {
  return mayCarryOther(event) ? (asObject(parseJsonExactly(data)) ?? event) : event;
}

/** Whether a block of `message_start` has no content yet. */
export function isEmptyBlock(value: JsonValue): boolean {
  const block = asObject(value);
  return block !== undefined && withoutMembers(block, new Set(['type', 'index'])) === undefined;
}

const namedBlocks: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use']);

function mayCarryOther(event: JsonObject): boolean {
  const block = asObject(event['content_block']);
  if (block !== undefined) return !namedBlocks.has(block['type']) || !isBlank(block['citations']);
  if (asObject(event['delta'])?.['type'] === 'citations_delta') return true;
  return !isBlank(asObject(event['message'])?.['content']);
}
