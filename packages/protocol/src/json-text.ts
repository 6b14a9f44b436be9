/**
 * Text in the form it has inside a JSON string: escaped, without the quotes, pure ASCII.
 *
 * Deltas travel through the server in this form, so that a frame is prefix + text + suffix and nothing is
 * parsed or serialised per token. Being ASCII, it can be cut at any byte of a socket without cutting a
 * character, and its length in bytes is its length in UTF-16 units.
 */
export type JsonText = string & { readonly __jsonText: never };

export const emptyJsonText = '' as JsonText;

// Most tokens are plain ASCII words: one regular expression test, no allocation.
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const beyondAscii = /[\x7f-\uffff]/g;

/** Escapes decoded text. A lone surrogate becomes `\ud83d`-like, still valid JSON and still ASCII. */
export function jsonText(text: string): JsonText {
  if (plain.test(text)) return text as JsonText;
  return asciiOnly(JSON.stringify(text).slice(1, -1)) as JsonText;
}

/** Decodes. Throws a `SyntaxError` only where the value did not come from {@link jsonText}. */
export function decodeJsonText(json: JsonText): string {
  return json.includes('\\') ? (JSON.parse(`"${json}"`) as string) : json;
}

/** `JSON.stringify` through {@link asciiOnly}. */
export function asciiJson(value: unknown): string {
  return asciiOnly(JSON.stringify(value));
}

/** Joins two escaped texts. Escapes never span a joint, so concatenation is exact. */
export function joinJsonText(left: JsonText, right: JsonText): JsonText {
  return (left + right) as JsonText;
}

/** JSON with everything outside printable ASCII as `\uXXXX`; it can only stand in a string. */
export function asciiOnly(json: string): string {
  return json.replace(beyondAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
