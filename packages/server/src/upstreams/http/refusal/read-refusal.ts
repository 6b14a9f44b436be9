import type { WireAnswer } from '../../../transport/connection.ts';
import { readAnswerBody } from '../../../transport/read-answer-body.ts';
import type { Refusal } from './refusal.ts';

const maxRefusalBytes = 64 * 1024;
/** A caller's mistake is worth a wait for its words; any other refusal is clear from its status. */
const maxWordsMs = 2_000;
const maxRefusalMs = 250;

/** Reads an answer that is no stream, as far as it is worth it. The caller returns the body. */
export async function readRefusal({ status, headers, body }: WireAnswer): Promise<Refusal> {
  const maxMs = isTheCallers(status) ? maxWordsMs : maxRefusalMs;
  const { bytes } = await readAnswerBody(body, { maxBytes: maxRefusalBytes, maxMs });
  return { status, headers, body: new TextDecoder().decode(bytes) };
}

function isTheCallers(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
