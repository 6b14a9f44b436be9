import { nameOf } from '../../telemetry/wording.ts';
import type { Odd } from '../http/answer/answer-failures.ts';
import { asRecord, jsonOf, textOrNone } from '../http/unknown-json.ts';

/** A part of a candidate's content, as far as our stream has a place for it. */
export type Part =
  | {
      readonly type: 'text';
      readonly text: string;
      readonly thought: boolean;
      readonly signature: string | undefined;
    }
  | {
      readonly type: 'call';
      /** Empty where there is none. */
      readonly id: string;
      readonly name: string;
      /** A JSON object. */
      readonly args: string;
      readonly signature: string | undefined;
    };

/** Fields of a part that are its text or say something about it. Any other one is content of a kind of its own. */
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
 * `Part` of the API reference. Images, files, code that the provider runs and its results, and what is newer, are
 * output that cannot be represented: nobody asked for them, and an answer without them would be another one.
 */
export function decodePart(value: unknown): Part | Odd {
  const part = asRecord(value);
  if (part === undefined) return { odd: 'a part that is no object' };
  for (const [field, content] of Object.entries(part)) {
    if (!known.has(field) && content !== null) return { odd: `a part with ${nameOf(field)}` };
  }
  const signature = textOrNone(part['thoughtSignature']);
  if (signature === undefined) return { odd: 'a signature that is no text' };
  const signed = signature === '' ? undefined : signature;
  if (part['functionCall'] !== undefined && part['functionCall'] !== null) {
    return decodeCall(part['functionCall'], signed);
  }
  const text = textOrNone(part['text']);
  if (text === undefined) return { odd: 'a part whose text is none' };
  return { type: 'text', text, thought: part['thought'] === true, signature: signed };
}

function decodeCall(value: unknown, signature: string | undefined): Part | Odd {
  const call = asRecord(value);
  const id = textOrNone(call?.['id']);
  const name = call?.['name'];
  if (call === undefined || id === undefined) return { odd: 'a function call that cannot be read' };
  if (typeof name !== 'string' || name === '') return { odd: 'a function call without a name' };
  // Only sent where it was asked for (`streamFunctionCallArguments`).
  if (call['willContinue'] === true || (call['partialArgs'] ?? null) !== null) {
    return { odd: 'a function call in pieces' };
  }
  const args = jsonOf(asRecord(call['args'] ?? {}));
  return args === undefined
    ? { odd: 'a function call whose args are no object' }
    : { type: 'call', id, name, args, signature };
}

/** The parts of a candidate; absent ones are none. */
export function partsOf(candidate: Readonly<Record<string, unknown>>): readonly unknown[] | Odd {
  const content = candidate['content'] ?? {};
  const parts = asRecord(content)?.['parts'] ?? [];
  return asRecord(content) !== undefined && Array.isArray(parts)
    ? parts
    : { odd: 'a content that cannot be read' };
}
