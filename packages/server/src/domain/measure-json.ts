import { isPair, isSurrogate } from './json-escapes.ts';

/** Bounds of a JSON text. Within them the time and the memory that parsing takes are known before it is parsed. */
export interface JsonBounds {
  /** Nested arrays and objects. */
  readonly maxDepth: number;
  /** Members of all objects. One takes up to 2.5 µs to parse, where no two objects have the same names. */
  readonly maxFields: number;
  /** Values of every kind at every depth. One takes up to 0.25 µs and 50 bytes to parse, where it is an empty object. */
  readonly maxValues: number;
}

/**
 * The bounds of a request. `JSON.parse` accepts millions of nested arrays, which no recursive function could walk, and 10 MiB
 * of values can take it 2.5 s and 300 MB. Within these bounds it takes at most 0.2 s and 50 MB. A chat of 10,000 messages,
 * each with a content part or a tool call, is within them.
 */
export const requestBounds: JsonBounds = { maxDepth: 64, maxFields: 50_000, maxValues: 200_000 };

/**
 * The first bound that a text exceeds, or its measures. For a text that is not JSON, the measures cover the part that
 * `JSON.parse` reads before it throws.
 */
export type JsonMeasure =
  | { readonly type: 'deep'; readonly path: JsonPath }
  | { readonly type: 'fields' | 'values' }
  | {
      readonly type: 'within';
      readonly values: number;
      readonly fields: number;
      /** A number has an exponent or very many digits, so it may become infinite when it is parsed. */
      readonly vastNumbers: boolean;
      /** A `\uXXXX` escape is half of a surrogate pair without its other half. */
      readonly halfPairs: boolean;
    };

/** Names and indexes that lead from the root to a value. */
export type JsonPath = readonly (string | number)[];

/** Bytes of a string that are read one by one before a native search, which costs 0.1 µs, looks for its end. */
const shortRun = 32;
/** Digits of the longest integer that is surely finite. */
const finiteDigits = 308;
const utf8 = new TextDecoder();

/** Every byte up to this one is white space, or not allowed outside of strings. */
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const capitalE = 0x45;
const letterE = 0x65;
const letterU = 0x75;

/**
 * For the open container at each depth: the current index of an array, or where the current name of an object begins. Kept
 * between measurements, which never overlap: two new typed arrays take 2 µs, more than the scan of a small body.
 */
let steps = new Int32Array(65);
let isObject = new Uint8Array(65);

/**
 * Measures a JSON text in UTF-8 in one pass over its bytes, without an allocation for each value: 10 MiB of plain text take
 * 2 ms, 10 MiB of escapes or white space 40 ms. It does not check the syntax: up to the first syntax error it counts as
 * `JSON.parse` does. A `Buffer` is faster than another Uint8Array, because its search is native.
 */
export function measureJson(bytes: Uint8Array, { maxDepth, maxFields, maxValues }: JsonBounds): JsonMeasure {
  if (steps.length <= maxDepth) {
    steps = new Int32Array(maxDepth + 1);
    isObject = new Uint8Array(maxDepth + 1);
  }
  const end = bytes.length;
  let depth = 0;
  let fields = 0;
  // One for the root, one for the first item of each container, one for each comma.
  let values = 1;
  let vastNumbers = false;
  let halfPairs = false;
  let stringAt = 0;
  /** The results of the last searches, kept so that each byte is searched only once. */
  let nextQuote = -1;
  let nextBackslash = -1;
  /** Only white space has come since the last opening bracket. */
  let empty = false;

  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte <= space) continue;
    switch (byte) {
      case quote: {
        stringAt = at;
        let plain = 0;
        for (at += 1; at < end; at += 1) {
          const inside = bytes[at];
          if (inside === quote) break;
          if (inside === backslash) {
            at += 1;
            plain = 0;
            if (bytes[at] !== letterU || !isSurrogate(bytes, at)) continue;
            if (isPair(bytes, at)) at += 10;
            else halfPairs = true;
          } else if (plain < shortRun) plain += 1;
          else {
            if (nextQuote < at) nextQuote = indexFrom(bytes, quote, at);
            if (nextBackslash < at) nextBackslash = indexFrom(bytes, backslash, at);
            at = Math.min(nextQuote, nextBackslash) - 1;
            plain = 0;
          }
        }
        break;
      }
      case openBrace:
      case openBracket:
        if (depth === maxDepth) return { type: 'deep', path: pathOf(bytes, depth) };
        depth += 1;
        steps[depth] = 0;
        isObject[depth] = byte === openBrace ? 1 : 0;
        // The first item; taken back where the container turns out to be empty.
        values += 1;
        if (values - 1 > maxValues) return { type: 'values' };
        empty = true;
        continue;
      case closeBrace:
      case closeBracket:
        if (empty) values -= 1;
        depth -= 1;
        if (depth < 0) return { type: 'within', values, fields, vastNumbers, halfPairs };
        break;
      case comma:
        values += 1;
        if (values > maxValues) return { type: 'values' };
        if (isObject[depth] === 0) steps[depth] = (steps[depth] ?? 0) + 1;
        break;
      case colon:
        fields += 1;
        if (fields > maxFields) return { type: 'fields' };
        steps[depth] = stringAt;
        break;
      default:
        if (isDigit(byte)) {
          const digitsAt = at;
          while (isDigit(bytes[at + 1])) at += 1;
          const exponent = bytes[at + 1];
          vastNumbers ||= at - digitsAt >= finiteDigits || exponent === letterE || exponent === capitalE;
        }
    }
    empty = false;
  }
  if (values > maxValues) return { type: 'values' };
  return { type: 'within', values, fields, vastNumbers, halfPairs };
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function indexFrom(bytes: Uint8Array, byte: number, at: number): number {
  const found = bytes.indexOf(byte, at);
  return found < 0 ? bytes.length : found;
}

/** The path to the current value: one step for each open container. */
function pathOf(bytes: Uint8Array, depth: number): JsonPath {
  const path: (string | number)[] = [];
  for (let level = 1; level <= depth; level += 1) {
    const step = steps[level] ?? 0;
    path.push(isObject[level] === 1 ? nameAt(bytes, step) : step);
  }
  return path;
}

/** Bytes of a name that a path shows at most. */
const shownBytes = 256;

/** The name whose opening quote is at `start`, or its beginning. */
function nameAt(bytes: Uint8Array, start: number): string {
  let end = start + 1;
  while (end < bytes.length && end - start <= shownBytes && bytes[end] !== quote) {
    end += bytes[end] === backslash ? 2 : 1;
  }
  const written = utf8.decode(bytes.subarray(start + 1, end));
  try {
    return String(JSON.parse(`"${written}"`));
  } catch {
    return written;
  }
}
