import type { Failure } from '../../../domain/failure.ts';
import type { AnswerBody } from '../../../transport/answer-body.ts';
import { createGatheredBytes } from '../../../transport/gathered-bytes.ts';
import { answerTooLarge } from './answer-budget.ts';
import { answerBeyondBounds } from './json-bounds.ts';

/** An answer is parsed in one turn of the event loop, which takes about 30 ms for each MiB: so it is bounded. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** The kind of an answer by its first bytes: many servers send no content type. */
export function kindOfAnswer(bytes: Uint8Array): 'stream' | 'json' | 'other' {
  const start = Buffer.from(bytes.subarray(0, 256))
    .toString('utf8')
    .replace(/^\ufeff/, '');
  if (/^\s*[{[]/.test(start)) return 'json';
  return /^\s*(?:data|event|id|retry)?:/.test(start) ? 'stream' : 'other';
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
