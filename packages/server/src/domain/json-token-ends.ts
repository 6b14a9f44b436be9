/**
 * Finds where strings, numbers, literals and values end in a JSON text that `JSON.parse` has accepted. The functions check
 * nothing. They take linear time and allocate nothing.
 */

export const quote = 0x22;
export const comma = 0x2c;
const minus = 0x2d;
export const openArray = 0x5b;
export const closeArray = 0x5d;
export const openObject = 0x7b;
export const closeObject = 0x7d;
const backslash = 0x5c;

/** `at` is the index of the opening quote; the result is the index after the closing one. */
export function endOfString(text: string, at: number): number {
  // Most names are short, and a search costs at least 20 ns.
  for (let end = at + 1; end < at + 17; end += 1) {
    const code = text.charCodeAt(end);
    if (code === quote) return end + 1;
    if (code === backslash) break;
  }
  const first = text.indexOf('"', at + 1);
  if (text.charCodeAt(first - 1) !== backslash) return first + 1;
  // A search from quote to quote would cost 20 ns for each `\"`; this loop costs 2 ns a character.
  for (let end = at + 1; ; end += 1) {
    const code = text.charCodeAt(end);
    if (code === quote) return end + 1;
    if (code === backslash) end += 1;
  }
}

/** `at` is the index of the first character of a number, or of `true`, `false` or `null`. */
export function endOfWord(text: string, at: number): number {
  const near = Math.min(at + 25, text.length);
  let end = at + 1;
  while (end < near && !endsWord(text.charCodeAt(end))) end += 1;
  return end < near || end === text.length ? end : search(wordEnd, text, end);
}

/** `at` is the index of the first character of any value. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return endOfString(text, at);
  if (first !== openObject && first !== openArray) return endOfWord(text, at);
  let depth = 0;
  let end = at;
  do {
    const code = text.charCodeAt(end);
    if (code === quote) {
      end = endOfString(text, end);
      continue;
    }
    if (code === openObject || code === openArray) depth += 1;
    else if (code === closeObject || code === closeArray) depth -= 1;
    end += 1;
  } while (depth > 0);
  return end;
}

/** The index of the first character from `at` on that is not white space. */
export function afterSpace(text: string, at: number): number {
  const near = at + 25;
  let next = at;
  while (next < near && isSpace(text.charCodeAt(next))) next += 1;
  return next < near ? next : search(noSpace, text, next);
}

/**
 * After 25 characters of a number, a literal or white space a regular expression finds the end, because a loop that V8 has
 * not compiled yet takes a second for megabytes.
 */
const wordEnd = /[,\]}\s]/g;
const noSpace = /\S/g;

function search(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}

/** The index after a character that begins neither a string nor a word; consecutive white space counts as one character. */
export function afterMark(text: string, at: number, code: number): number {
  return code > 0x20 ? at + 1 : afterSpace(text, at);
}

/** The decoded value of the string that stands from its opening quote at `from` up to `to`. */
export function stringIn(text: string, from: number, to: number): string {
  const body = text.slice(from + 1, to - 1);
  return body.includes('\\') ? String(JSON.parse(text.slice(from, to))) : body;
}

/** Whether a number may begin with this character. */
export function beginsNumber(code: number): boolean {
  return code === minus || (code >= 0x30 && code <= 0x39);
}

function endsWord(code: number): boolean {
  // In this order, because most characters of a number are digits.
  return code > comma ? code === closeObject || code === closeArray : code === comma || isSpace(code);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
