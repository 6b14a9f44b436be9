import { isPair, isSurrogate } from './json-escapes.ts';

/** What a JSON text may be made of, so that parsing it takes a time and memory that are known before. */
export interface JsonBounds {
  /** Arrays and objects around a value. */
  readonly maxDepth: number;
  /** Members of objects. Each costs 2.5 µs to parse where no two objects are alike. */
  readonly maxFields: number;
  /** Values of every kind, at every depth. Each costs 0.25 µs to parse, and 50 bytes, where it is an empty object. */
  readonly maxValues: number;
}

/**
 * What a request may be made of. `JSON.parse` takes nesting of millions, which nothing behind it could walk; and of the
 * values that fit into 10 MiB it makes 2.5 s and 300 MB. Within these bounds it is 0.2 s and 50 MB at the worst, and a
 * chat of 10,000 messages, each with a content part or a tool call, is within them.
 */
export const requestBounds: JsonBounds = { maxDepth: 64, maxFields: 50_000, maxValues: 200_000 };

/** What a text is made of. Of one that is no JSON it holds for all that `JSON.parse` reads before it says so. */
export type JsonMeasure =
  | { readonly type: 'deep'; readonly path: JsonPath }
  | { readonly type: 'fields' | 'values' }
  | {
      readonly type: 'within';
      readonly values: number;
      readonly fields: number;
      /** A number has an exponent, or more digits than a finite one needs: it may be beyond the finite ones. */
      readonly vastNumbers: boolean;
      /** A `\uXXXX` is half of a surrogate pair. */
      readonly halfPairs: boolean;
    };

/** Names and indexes from the root. */
export type JsonPath = readonly (string | number)[];

/** Bytes of a string that are looked at one by one before a native search looks for its end, which costs 0.1 µs. */
const shortRun = 32;
/** The longest finite number without an exponent. */
const finiteDigits = 308;
const utf8 = new TextDecoder();

/** Up to here every byte is white space, or has no place in JSON outside of strings. */
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
 * One pass over the bytes of a JSON text in UTF-8, without an object a value: 10 MiB of text take 2 ms, of escapes or
 * white space 40 ms. It judges no syntax: whatever it takes for structure, `JSON.parse` takes for the same or stops
 * before. A `Buffer` is faster than another array of bytes, for its search is native.
 */
export function measureJson(bytes: Uint8Array, { maxDepth, maxFields, maxValues }: JsonBounds): JsonMeasure {
  /** Of the open container at each depth: the next index, or where the name of the member in hand begins. */
  const steps = new Int32Array(maxDepth + 1);
  const isObject = new Uint8Array(maxDepth + 1);
  const end = bytes.length;
  let depth = 0;
  let fields = 0;
  // One for the root, one for the first child of each container, one for each comma.
  let values = 1;
  let vastNumbers = false;
  let halfPairs = false;
  let stringAt = 0;
  /** The first ones from where they were last looked for: each byte is looked at once for either. */
  let nextQuote = -1;
  let nextBackslash = -1;
  /** An opening bracket with nothing but white space behind it so far. */
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
        if (depth === maxDepth) return { type: 'deep', path: pathOf(bytes, steps, isObject, depth) };
        depth += 1;
        steps[depth] = 0;
        isObject[depth] = byte === openBrace ? 1 : 0;
        // Its first child, unless it turns out to have none.
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

/** The way to the value in hand: a step for each open container. */
function pathOf(bytes: Uint8Array, steps: Int32Array, isObject: Uint8Array, depth: number): JsonPath {
  const path: (string | number)[] = [];
  for (let level = 1; level <= depth; level += 1) {
    const step = steps[level] ?? 0;
    path.push(isObject[level] === 1 ? nameAt(bytes, step) : step);
  }
  return path;
}

/** More of a name says no more about where it stands. */
const shownBytes = 256;

/** The name whose opening quote stands at `start`, as far as it is worth showing. */
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
