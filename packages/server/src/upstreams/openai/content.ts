import { isBlank, isObject, type JsonObject } from '../../domain/json.ts';
import { type OtherField, otherField, otherPart, withoutMembers } from '../http/answer/other-output.ts';

/** A piece of output of one event: of a kind that our stream names, or another field. */
export type OutputPiece =
  | { readonly kind: 'text' | 'reasoning' | 'refusal'; readonly text: string }
  | ({ readonly kind: 'other' } & OtherField);

/** What the field `content` carries. */
export interface Content {
  /** The thoughts before the first text. */
  readonly reasoning: string;
  /** The texts after these thoughts. */
  readonly text: string;
  /** What follows, in its order; empty for nearly every content. */
  readonly others: readonly OutputPiece[];
}

const noOthers: readonly OutputPiece[] = [];
const nothing: Content = { reasoning: '', text: '', others: noOthers };

/**
 * Decodes a text, an absent content, a list of parts (Mistral sends its reasoning as parts), or one part. A part that is neither
 * text nor thought is passed on as it came. Undefined for a value that is none of these: it may be output.
 */
export function decodeContent(value: unknown): Content | undefined {
  if (typeof value === 'string') return { reasoning: '', text: value, others: noOthers };
  if (isBlank(value) || value === false) return nothing;
  const isPart = isObject(value) && ('type' in value || 'text' in value);
  const parts = isPart ? [value] : value;
  if (!Array.isArray(parts)) return undefined;
  const pieces: OutputPiece[] = [];
  for (const part of parts) if (!decodePart(part, pieces)) return undefined;
  return inOrder(pieces);
}

/** Joins the thoughts and then the texts at the beginning: most contents have no more. */
function inOrder(pieces: readonly OutputPiece[]): Content {
  let at = 0;
  const joined = (kind: OutputPiece['kind']) => {
    let text = '';
    for (let piece = pieces[at]; piece?.kind === kind && 'text' in piece; piece = pieces[at]) {
      text += piece.text;
      at += 1;
    }
    return text;
  };
  const reasoning = joined('reasoning');
  const text = joined('text');
  return { reasoning, text, others: pieces.slice(at) };
}

const textTypes: ReadonlySet<unknown> = new Set(['text', 'output_text', undefined, null]);
const thoughtTypes: ReadonlySet<unknown> = new Set([
  'thinking',
  'reasoning',
  'thought',
  'reasoning_content',
  'reasoning_text',
  'summary_text',
]);
/** The members of a thought that may hold its text. */
const thoughtMembers = ['thinking', 'reasoning', 'reasoning_content', 'text', 'content', 'summary'];
/** The members of a text part that are its text, or describe it. */
const membersOfText: ReadonlySet<string> = new Set([
  'text',
  'thought',
  'annotations',
  'citations',
  'id',
  'index',
  'logprobs',
  'signature',
  'cache_control',
]);

/** Adds the pieces of one part. Returns false where the part cannot be read. */
function decodePart(part: unknown, pieces: OutputPiece[]): boolean {
  if (isBlank(part)) return true;
  if (typeof part === 'string') {
    pieces.push({ kind: 'text', text: part });
    return true;
  }
  if (!isObject(part)) return false;
  const { type } = part;
  if (type === 'refusal' && typeof part['refusal'] === 'string') {
    if (part['refusal'] !== '') pieces.push({ kind: 'refusal', text: part['refusal'] });
    return true;
  }
  if (thoughtTypes.has(type) || part['thought'] === true) return decodeThought(part, pieces);
  if (textTypes.has(type) && 'text' in part) return decodeText(part, pieces);
  pieces.push({ kind: 'other', ...otherPart(part) });
  return true;
}

function decodeText(part: JsonObject, pieces: OutputPiece[]): boolean {
  const text = textOf(part['text']);
  if (text === undefined) return false;
  if (text !== '') pieces.push({ kind: 'text', text });
  for (const name of ['annotations', 'citations']) {
    if (!isBlank(part[name])) pieces.push({ kind: 'other', ...otherField(part, name) });
  }
  const rest = withoutMembers(part, membersOfText);
  if (rest !== undefined) pieces.push({ kind: 'other', ...otherPart(rest) });
  return true;
}

/** A thought without a text, such as an encrypted one, is passed on as it came. */
function decodeThought(part: JsonObject, pieces: OutputPiece[]): boolean {
  const text = thoughtOf(part);
  if (text === undefined) return false;
  if (text !== '') pieces.push({ kind: 'reasoning', text });
  else if (withoutMembers(part, new Set(['type', 'thought', 'index', 'id'])) !== undefined) {
    pieces.push({ kind: 'other', ...otherPart(part) });
  }
  return true;
}

function thoughtOf(part: JsonObject): string | undefined {
  const texts = new Set<string>();
  for (const name of thoughtMembers) {
    const text = textOf(part[name]);
    if (text === undefined) return undefined;
    texts.add(text);
  }
  return [...texts].join('');
}

/**
 * The text of a thought or a text: a string, an object with the text in it, or a list of these. Empty where it is absent;
 * undefined where it is anything else.
 */
export function textOf(value: unknown, depth = 0): string | undefined {
  if (isBlank(value) || value === false) return '';
  if (typeof value === 'string') return value;
  // Real ones have two levels at most. The bound keeps a nested list from exhausting the stack.
  if (depth > 4) return undefined;
  if (Array.isArray(value)) {
    let joined = '';
    for (const item of value) {
      const text = textOf(item, depth + 1);
      if (text === undefined) return undefined;
      joined += text;
    }
    return joined;
  }
  if (!isObject(value)) return undefined;
  const names = memberOfTexts.filter((name) => !isBlank(value[name]));
  const texts = names.map((name) => textOf(value[name], depth + 1));
  if (names.length === 0 || texts.includes(undefined)) return undefined;
  return [...new Set(texts)].join('');
}

const memberOfTexts = ['text', 'value', 'thinking', 'reasoning', 'content'];
