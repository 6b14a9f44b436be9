import type { WireAnswer } from '../../../transport/connection.ts';
import { readAnswerBody } from '../../../transport/read-answer-body.ts';
import type { Refusal } from './refusal.ts';

const maxRefusalBytes = 64 * 1024;
/** Where the status blames the request, the client needs the message, so reading may take longer than for other refusals. */
const maxMessageMs = 2_000;
const maxRefusalMs = 250;

/** Reads an answer that is no event stream, bounded in size and time. The caller closes the body. */
export async function readRefusal({ status, headers, body }: WireAnswer): Promise<Refusal> {
  const maxMs = blamesRequest(status) ? maxMessageMs : maxRefusalMs;
  const { bytes } = await readAnswerBody(body, { maxBytes: maxRefusalBytes, maxMs });
  return { status, headers, body: new TextDecoder().decode(bytes) };
}

function blamesRequest(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}
