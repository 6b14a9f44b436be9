import { isObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import type { UnreadableOutput } from '../http/answer/answer-failures.ts';
import { withoutMembers } from '../http/answer/other-output.ts';
import { argumentsText, asList, asObject, optionalText } from '../http/unknown-json.ts';

/**
 * A part of a candidate's content. `other`: the fields beside its text or call that our stream does not name; the whole part
 * where it has neither.
 */
export type Part = (TextPart | CallPart) & { readonly other: JsonObject | undefined };

interface TextPart {
  readonly type: 'text';
  /** Empty where the part has none. */
  readonly text: string;
  readonly thought: boolean;
  readonly signature: string | undefined;
}

interface CallPart {
  readonly type: 'call';
  /** A text in the same part; nearly always empty. */
  readonly text: string;
  readonly thought: boolean;
  /** Empty where the call has none. */
  readonly id: string;
  readonly name: string;
  /** The JSON of an object. */
  readonly args: string;
  readonly signature: string | undefined;
}

/** The fields of a part that are its text, its call or metadata. Any other field is output that our stream does not name. */
const known = new Set([
  'text',
  'functionCall',
  'function_call',
  'thought',
  'thoughtSignature',
  'thought_signature',
  'partMetadata',
  'mediaResolution',
  'videoMetadata',
]);

/**
 * Decodes a `Part` of the API reference. Images, files, code that the provider runs, its results, and kinds of content newer
 * than this code are output that our stream does not name: they are forwarded as they came.
 */
export function decodePart(value: unknown): Part | UnreadableOutput {
  const part = typeof value === 'string' ? { text: value } : asObject(value ?? {});
  if (part === undefined) return { unreadable: 'a part that is no object' };
  const signature = optionalText(part['thoughtSignature'] ?? part['thought_signature']);
  if (signature === undefined) return { unreadable: 'a signature that is no text' };
  const signed = signature === '' ? undefined : signature;
  const rest = withoutMembers(part, known);
  const text = optionalText(part['text']);
  if (text === undefined) return { unreadable: 'a part whose text is none' };
  const thought = part['thought'] === true;
  const called = part['functionCall'] ?? part['function_call'] ?? null;
  if (called !== null) {
    const call = decodeCall(called);
    return 'unreadable' in call ? call : { ...call, text, thought, signature: signed, other: rest };
  }
  const other = rest !== undefined && text === '' ? part : rest;
  return { type: 'text', text, thought, signature: signed, other };
}

function decodeCall(value: unknown): Pick<CallPart, 'type' | 'id' | 'name' | 'args'> | UnreadableOutput {
  const call = asObject(value);
  const id = optionalText(call?.['id']);
  const name = call?.['name'];
  if (call === undefined || id === undefined) return { unreadable: 'a function call that cannot be read' };
  if (typeof name !== 'string' || name === '') return { unreadable: 'a function call without a name' };
  // The API sends calls in pieces only on request (`streamFunctionCallArguments`).
  if (call['willContinue'] === true || (call['partialArgs'] ?? null) !== null) {
    return { unreadable: 'a function call in pieces' };
  }
  const args = argumentsText(call['args']);
  return args === undefined
    ? { unreadable: 'a function call whose args are no object' }
    : { type: 'call', id, name, args };
}

/** Whether an event has a part with output that our stream does not name. */
export function hasOtherPart(event: JsonObject): boolean {
  return asList(event['candidates']).some((value) => {
    const candidate = asObject(value);
    const parts = candidate === undefined ? [] : partsOf(candidate);
    return (
      'some' in parts && parts.some((part) => isObject(part) && withoutMembers(part, known) !== undefined)
    );
  });
}

/** The parts of a candidate; none where it has no content. Some servers write one part as an object or as a text. */
export function partsOf(candidate: JsonObject): readonly JsonValue[] | UnreadableOutput {
  const content = asObject(candidate['content'] ?? {});
  const parts = content?.['parts'] ?? [];
  if (content !== undefined && Array.isArray(parts)) return parts;
  const isPart = isObject(parts) || typeof parts === 'string';
  return content !== undefined && isPart ? [parts] : { unreadable: 'a content that cannot be read' };
}
