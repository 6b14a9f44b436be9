/**
 * Text in the form it has inside a JSON string: escaped, without the quotes, pure ASCII.
 *
 * Deltas go through the server in this form, so a frame is prefix + text + suffix, and no token is parsed or serialised.
 * Because it is ASCII, a cut at any byte of a socket cuts no character, and its length in bytes is its length in UTF-16
 * units.
 */
export type JsonText = string & { readonly __jsonText: never };

export const emptyJsonText = '' as JsonText;

// Most tokens are plain ASCII words: one test of a regular expression, and no allocation.
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const beyondAscii = /[\x7f-\uffff]/g;

/** Escapes decoded text. A lone surrogate becomes an escape such as `\ud83d`: valid JSON, and ASCII. */
export function jsonText(text: string): JsonText {
  if (plain.test(text)) return text as JsonText;
  return asciiOnly(JSON.stringify(text).slice(1, -1)) as JsonText;
}

/** The decoded text. Throws a `SyntaxError` only where the value did not come from {@link jsonText}. */
export function decodeJsonText(json: JsonText): string {
  return json.includes('\\') ? (JSON.parse(`"${json}"`) as string) : json;
}

/** `JSON.stringify` through {@link asciiOnly}. */
export function asciiJson(value: unknown): string {
  return asciiOnly(JSON.stringify(value));
}

/** Joins two escaped texts: no escape spans two texts, so concatenation is exact. */
export function joinJsonText(left: JsonText, right: JsonText): JsonText {
  return (left + right) as JsonText;
}

/** JSON with everything outside printable ASCII as `\uXXXX`: such characters can stand only inside its strings. */
export function asciiOnly(json: string): string {
  if (json.length < longText) return json.replace(beyondAscii, escaped);
  // Nearly all long English texts end here.
  if (json.search(beyondAscii) < 0) return json;
  const slices: string[] = [];
  for (let at = 0; at < json.length; at += sliceLength) slices.push(asciiSlice(json, at));
  return slices.join('');
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** From this length on, bytes (10 ns a character) are faster than a function call for each match (200 ns). */
const longText = 1_024;
const sliceLength = 64 * 1024;
const ascii = new TextDecoder('latin1');
const hexDigits = new TextEncoder().encode('0123456789abcdef');

function asciiSlice(json: string, from: number): string {
  const end = Math.min(json.length, from + sliceLength);
  const bytes = new Uint8Array(6 * (end - from));
  let length = 0;
  for (let at = from; at < end; at += 1) {
    const unit = json.charCodeAt(at);
    if (unit < 0x7f) {
      bytes[length] = unit;
      length += 1;
      continue;
    }
    bytes[length] = 0x5c;
    bytes[length + 1] = 0x75;
    for (let digit = 0; digit < 4; digit += 1) {
      bytes[length + 2 + digit] = hexDigits[(unit >> (12 - 4 * digit)) & 15] ?? 0;
    }
    length += 6;
  }
  return ascii.decode(bytes.subarray(0, length));
}
