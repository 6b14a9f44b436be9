import type { WireAnswer } from '../../../transport/connection.ts';
import { readAnswerBody } from '../../../transport/read-answer-body.ts';
import type { Refusal } from './refusal.ts';

const maxRefusalBytes = 64 * 1024;
/** Where the request is at fault, the message is worth a wait; any other refusal is clear from its status. */
const maxMessageMs = 2_000;
const maxRefusalMs = 250;

/** Reads an answer that is no event stream, bounded in size and time. The caller returns the body. */
export async function readRefusal({ status, headers, body }: WireAnswer): Promise<Refusal> {
  const maxMs = blamesRequest(status) ? maxMessageMs : maxRefusalMs;
  const { bytes } = await readAnswerBody(body, { maxBytes: maxRefusalBytes, maxMs });
  return { status, headers, body: new TextDecoder().decode(bytes) };
}

function blamesRequest(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
