// Characters that control a terminal or are invisible: C0 and C1 controls, line separators, marks that change the reading
// direction, byte order marks, halves of surrogate pairs.
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Writes every unprintable character as an escape, so that a text can neither end its line nor control the terminal. */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (unit) => named[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
