import type { WireAnswer } from '../../transport/connection.ts';
import { readBody } from '../../transport/read-body.ts';
import type { Refusal } from './refusal.ts';

/** An error that is longer, or comes slower, says nothing more that counts. */
const maxRefusalBytes = 64 * 1024;
const maxRefusalMs = 2_000;

/** Reads an answer that is no stream, as far as it is worth it. The caller returns the body. */
export async function readRefusal({ status, headers, body }: WireAnswer): Promise<Refusal> {
  const { bytes } = await readBody(body, { maxBytes: maxRefusalBytes, maxMs: maxRefusalMs });
  return { status, headers, body: new TextDecoder().decode(bytes) };
}
