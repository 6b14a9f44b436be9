import type { Redact } from '../redact.ts';

/** The longest text of a span, in UTF-16 units. */
const longestText = 1_024;
/** The most texts of one attribute. */
const mostItems = 32;

/** A text as a span may hold it: without secrets, and of a bounded length. */
export function spanText(text: string, redact: Redact): string {
  if (text.length <= longestText) return redact(text);
  return `${redact(text.slice(0, longestText), true).toWellFormed()}…`;
}

export function spanTexts(texts: readonly string[], redact: Redact): string[] {
  return texts.slice(0, mostItems).map((text) => spanText(text, redact));
}

/**
 * A header that is sent on and stored as it came; undefined where a secret is in it. To mask it would make it another one, whose
 * members no system knows.
 */
export function withoutSecret(header: string | undefined, redact: Redact): string | undefined {
  return header === undefined || redact(header) !== header ? undefined : header;
}
