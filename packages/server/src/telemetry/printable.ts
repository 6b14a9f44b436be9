// What a terminal obeys or a reader cannot see: C0 and C1 controls, line separators, marks that turn the
// reading direction, byte order marks, halves of surrogate pairs.
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that can neither end its line nor steer the terminal: everything unprintable as an escape. */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (unit) => named[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
