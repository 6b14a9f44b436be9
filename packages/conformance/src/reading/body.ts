import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { type Exchange, headerOf } from '../wire/exchange.ts';

/** The bytes of the body, decompressed; undefined where they cannot be. Empty where there is no answer. */
export function bodyBytes({ response }: Exchange): Buffer | undefined {
  if (response === undefined) return Buffer.alloc(0);
  const bytes = Buffer.concat(response.pieces.map((piece) => piece.bytes));
  try {
    switch (headerOf(response, 'content-encoding')?.toLowerCase()) {
      case 'gzip':
        return gunzipSync(bytes);
      case 'deflate':
        return inflateSync(bytes);
      case 'br':
        return brotliDecompressSync(bytes);
      default:
        return bytes;
    }
  } catch {
    return undefined;
  }
}

/** The body as text, with U+FFFD for bytes that are not UTF-8. */
export function bodyText(exchange: Exchange): string {
  return bodyBytes(exchange)?.toString('utf8') ?? '';
}

/** The body as JSON; undefined where it is none. */
export function bodyJson(exchange: Exchange): unknown {
  return parseJson(bodyText(exchange));
}

/** The body as an object; an empty one where it is none. */
export function answerOf(exchange: Exchange): JsonObject {
  const body = bodyJson(exchange);
  return isObject(body) ? body : {};
}

/** What was asked, as far as it is JSON. */
export function askedFields(exchange: Exchange): JsonObject {
  const value = parseJson(exchange.request.body ?? '');
  return isObject(value) ? value : {};
}

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object member that is an object, else an empty one. */
export function objectAt(value: unknown, name: string): JsonObject {
  const member = isObject(value) ? value[name] : undefined;
  return isObject(member) ? member : {};
}

/** The members of an array that are objects; none where it is no array. */
export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
