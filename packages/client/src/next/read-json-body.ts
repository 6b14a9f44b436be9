import type { Refusal } from './refusal.ts';

/** A JSON object that came from a browser. Nothing in it has been checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

export type ReadBody =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Reads the JSON object in the body of a request, and stops at `maxBytes`, whatever the request says of its length. Only
 * `application/json` is taken: a form of a foreign page can send its cookies here with any other type, but needs the consent of
 * this origin (CORS) for this one. Throws what the body throws where the client leaves.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<ReadBody> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    return refused('unsupported_media_type', `The body must be application/json, got ${type ?? 'no type'}.`);
  }
  const bytes = await readBytes(request.body, maxBytes);
  if (bytes === undefined) return refused('body_too_large', `The body must have at most ${maxBytes} bytes.`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refused('invalid_json', 'The body must be JSON in UTF-8.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('invalid_type', 'The body must be a JSON object.');
  }
  return { ok: true, value: value as JsonObject };
}

function refused(code: Refusal['code'], message: string): ReadBody {
  return { ok: false, refusal: { code, message } };
}

/** Undefined where there are more bytes than allowed. */
async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      // The rest is not read: who sends too much waits for nothing.
      reader.cancel().catch(() => {});
      return undefined;
    }
    pieces.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
