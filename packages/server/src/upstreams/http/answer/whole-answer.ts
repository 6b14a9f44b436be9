import type { Failure } from '../../../domain/failure.ts';
import type { AnswerBody } from '../../../transport/answer-body.ts';
import { createGatheredBytes } from '../../../transport/gathered-bytes.ts';
import { answerTooLarge } from './answer-budget.ts';
import { answerBeyondBounds } from './json-bounds.ts';

/** An answer is parsed in one turn of the event loop, which takes about 30 ms for each MiB: so it is bounded. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** Only so many bytes at the beginning are looked at. */
const maxHeadBytes = 256;

/** The kind of an answer. `undecided`: its first bytes do not show it yet. */
export type AnswerKind = 'stream' | 'json' | 'other' | 'undecided';

/**
 * The kind of an answer by its first bytes, without white space before them: many servers send no content type, or a wrong one.
 * `saysStream`: the content type is that of an event stream, which may begin with any line but not with JSON.
 */
export function kindOfAnswer(head: Uint8Array, saysStream: boolean): AnswerKind {
  const [first = 0] = head;
  // The usual case. Any byte beyond ASCII may be white space.
  if (saysStream && first > space && first < beyondAscii && first !== brace && first !== bracket)
    return 'stream';
  const start = Buffer.from(head.subarray(0, maxHeadBytes)).toString('utf8').trimStart();
  if (/^[{[]/.test(start)) return 'json';
  // A byte order mark may come in pieces, and white space may follow it.
  if ((start === '' && head.length < maxHeadBytes) || (start === '\ufffd' && head.length < 3))
    return 'undecided';
  if (saysStream || /^(?:data|event|id|retry)?\s*:/i.test(start)) return 'stream';
  const mayBegin = /^(?:d(?:a(?:ta?)?)?|e(?:v(?:e(?:nt?)?)?)?|id?|r(?:e(?:t(?:ry?)?)?)?)\s*$/i.test(start);
  return mayBegin ? 'undecided' : 'other';
}

const space = 0x20;
const bracket = 0x5b;
const brace = 0x7b;
const beyondAscii = 0x7f;

/** How many bytes of white space stand at the beginning. */
export function blankBytes(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  return first < 0 ? bytes.length : first;
}

/**
 * Reads the rest of an answer that is one JSON text. Returns a failure where it is too large to be parsed, and undefined where
 * it is cut or not UTF-8. The caller closes the body.
 */
export async function readWholeAnswer(
  first: Uint8Array,
  body: AnswerBody,
): Promise<string | Failure | undefined> {
  const gathered = createGatheredBytes();
  gathered.add(first);
  for (let read = await body.next(); ; read = await body.next()) {
    if (read.done === true) return read.value === undefined ? textOf(gathered.bytes()) : undefined;
    gathered.add(read.value);
    if (gathered.length > maxAnswerBytes) return answerTooLarge(`a JSON answer over ${maxAnswerBytes} bytes`);
  }
}

function textOf(bytes: Uint8Array): string | Failure | undefined {
  const tooLarge = answerBeyondBounds(bytes);
  if (tooLarge !== undefined) return tooLarge;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
