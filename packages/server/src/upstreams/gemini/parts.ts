import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { nameOf } from '../../telemetry/wording.ts';
import type { UnreadableOutput } from '../http/answer/answer-failures.ts';
import { argumentsText, asObject, optionalText } from '../http/unknown-json.ts';

/** A part of a candidate's content that our stream can represent. */
export type Part =
  | {
      readonly type: 'text';
      readonly text: string;
      readonly thought: boolean;
      readonly signature: string | undefined;
    }
  | {
      readonly type: 'call';
      /** Empty where the call has none. */
      readonly id: string;
      readonly name: string;
      /** JSON; empty where there are none. */
      readonly args: string;
      readonly signature: string | undefined;
    };

/** The fields of a part that are its text, its call or metadata. Any other field is content of another kind. */
const known = new Set([
  'text',
  'functionCall',
  'thought',
  'thoughtSignature',
  'partMetadata',
  'mediaResolution',
  'videoMetadata',
]);

/**
 * Decodes a `Part` of the API reference. Images, files, code that the provider runs, its results, and kinds of content newer
 * than this code are output that our stream cannot represent: without them the answer would be a different one.
 */
export function decodePart(value: unknown): Part | UnreadableOutput {
  const part = asObject(value);
  if (part === undefined) return { unreadable: 'a part that is no object' };
  for (const [field, content] of Object.entries(part)) {
    if (!known.has(field) && content !== null) return { unreadable: `a part with ${nameOf(field)}` };
  }
  const signature = optionalText(part['thoughtSignature']);
  if (signature === undefined) return { unreadable: 'a signature that is no text' };
  const signed = signature === '' ? undefined : signature;
  if (part['functionCall'] !== undefined && part['functionCall'] !== null) {
    return decodeCall(part['functionCall'], signed);
  }
  const text = optionalText(part['text']);
  if (text === undefined) return { unreadable: 'a part whose text is none' };
  return { type: 'text', text, thought: part['thought'] === true, signature: signed };
}

function decodeCall(value: unknown, signature: string | undefined): Part | UnreadableOutput {
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
    : { type: 'call', id, name, args, signature };
}

/** The parts of a candidate; none where it has no content. */
export function partsOf(candidate: JsonObject): readonly JsonValue[] | UnreadableOutput {
  const content = asObject(candidate['content'] ?? {});
  const parts = content?.['parts'] ?? [];
  return content !== undefined && Array.isArray(parts)
    ? parts
    : { unreadable: 'a content that cannot be read' };
}
