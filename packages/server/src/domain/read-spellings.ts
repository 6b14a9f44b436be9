import type { JsonObject, JsonValue } from './json.ts';
import {
  afterSpace,
  beginsNumber,
  closeArray,
  closeObject,
  comma,
  endOfString,
  endOfValue,
  endOfWord,
  openArray,
  openObject,
  quote,
  stringIn,
} from './json-spans.ts';
import { type NumberSpellings, numbersOf, rawMembersOf, setNumbers, setRawMember } from './spellings.ts';

/**
 * The names that we know in an object, and those in the value of each where that is an object of ours too, or a list of
 * them. Undefined: it belongs to somebody else, and its numbers keep their spelling.
 */
export type KnownMembers = ReadonlyMap<string, KnownMembers | undefined>;

/**
 * Keeps what `value` does not tell of the text it was parsed from: numbers that JavaScript would write otherwise, and,
 * where `known` says which members are ours, each member that is not among them, byte for byte. A number that is a
 * member of ours is not kept: it is written as we write it.
 *
 * Cost, measured: a text with nothing to keep is scanned once, in a sixth of the time of its parse where it is mostly
 * strings and in a third where it is mostly punctuation. With `known` it must not nest deeper than a call stack goes.
 */
export function readSpellings(text: string, value: JsonValue, known?: KnownMembers): void {
  if (typeof value !== 'object' || value === null) return;
  if (hasOddNumber(text) || (known !== undefined && holdsUnknown(value, known))) {
    walk(text, value, known);
  }
}

/** No number that JavaScript writes is longer: -0.0000012345678901234567. */
const maxCanonicalLength = 25;
const digitsOnly = /^\d+$/;

/** Whether JavaScript writes the number in another way than it is written. */
function isOdd(text: string, from: number, to: number): boolean {
  const length = to - from;
  if (length === 1) return false;
  if (length > maxCanonicalLength) return true;
  const source = text.slice(from, to);
  // An integer of 15 digits is one of JavaScript's, and is written with its digits.
  if (length <= 15 && digitsOnly.test(source)) return false;
  return String(Number(source)) !== source;
}

function hasOddNumber(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (beginsNumber(code)) {
      const end = endOfWord(text, at);
      if (isOdd(text, at, end)) return true;
      at = end;
    } else at += 1;
  }
  return false;
}

function holdsUnknown(value: JsonValue, known: KnownMembers): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isList(value)) return value.some((item) => holdsUnknown(item, known));
  for (const name of Object.keys(value)) {
    if (!known.has(name)) return true;
    const inner = known.get(name);
    const member = value[name];
    if (inner !== undefined && member !== undefined && holdsUnknown(member, inner)) return true;
  }
  return false;
}

/** An object or an array on the way through the text. */
interface Frame {
  /** Undefined where a later member of the same name has taken its place. */
  readonly holder: JsonObject | readonly JsonValue[] | undefined;
  readonly isArray: boolean;
  readonly known: KnownMembers | undefined;
  spellings: NumberSpellings | undefined;
  index: number;
  /** Where the name of the member at hand stands; `nameTo` is 0 until it has come. */
  nameFrom: number;
  nameTo: number;
}

/** With a stack of its own: the text may nest deeper than any call stack. */
function walk(text: string, root: JsonValue, known: KnownMembers | undefined): void {
  const frames: Frame[] = [];
  const intern = createIntern();
  let frame: Frame | undefined;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      at = frame?.isArray === false && frame.nameTo === 0 ? behindName(frame, text, at, end) : end;
    } else if (frame !== undefined && beginsNumber(code)) {
      const end = endOfWord(text, at);
      if (isOdd(text, at, end)) noteNumber(frame, text, intern, intern(text.slice(at, end)));
      else if (frame.spellings !== undefined) noteNumber(frame, text, intern, undefined);
      at = end;
    } else {
      at += 1;
      if (code === openObject || code === openArray) {
        frame = frameOf(frame, text, code === openArray, { root, known });
        frames.push(frame);
      } else if (code === closeObject || code === closeArray) {
        frames.pop();
        frame = frames.at(-1);
      } else if (code === comma && frame !== undefined) {
        frame.index += 1;
        frame.nameTo = 0;
      }
    }
  }
}

function frameOf(
  outer: Frame | undefined,
  text: string,
  isArray: boolean,
  start: { readonly root: JsonValue; readonly known: KnownMembers | undefined },
): Frame {
  const name = outer?.isArray === false ? stringIn(text, outer.nameFrom, outer.nameTo) : undefined;
  const value = outer === undefined ? start.root : memberOf(outer.holder, name ?? outer.index);
  const holder = typeof value === 'object' && value !== null ? value : undefined;
  const inherited = outer === undefined ? start.known : outer.known;
  return {
    holder,
    isArray,
    known: name === undefined ? inherited : inherited?.get(name),
    spellings: holder === undefined ? undefined : numbersOf(holder),
    index: 0,
    nameFrom: 0,
    nameTo: 0,
  };
}

/** Keeps the member whole where its name is not known. Returns where to read on: behind the name, or the member. */
function behindName(frame: Frame, text: string, from: number, to: number): number {
  frame.nameFrom = from;
  frame.nameTo = to;
  if (frame.known === undefined) return to;
  const name = stringIn(text, from, to);
  if (frame.known.has(name)) return to;
  const end = endOfValue(text, afterSpace(text, afterSpace(text, to) + 1));
  const { holder } = frame;
  const value = memberOf(holder, name);
  if (holder !== undefined && value !== undefined) {
    const member = text.slice(from, end);
    const same = member === `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    // What we would write ourselves costs nothing, unless another member of that name stood before it.
    if (!same || rawMembersOf(holder)?.has(name) === true) {
      setRawMember(holder, name, { value, text: member.length * 4 > text.length ? member : copyOf(member) });
    }
  }
  return end;
}

/** Of members of one name the last one counts, as in `JSON.parse`: its spelling, or that it needs none. */
function noteNumber(frame: Frame, text: string, intern: Intern, spelling: string | undefined): void {
  const { holder, isArray, known, index, nameFrom, nameTo } = frame;
  if (holder === undefined || (known !== undefined && !isArray)) return;
  // With its first pair in it: an empty list grows to 17 places at its first push.
  const pair = isArray ? [] : [intern(stringIn(text, nameFrom, nameTo)), spelling];
  const spellings = frame.spellings ?? pair;
  if (frame.spellings === undefined) {
    frame.spellings = spellings;
    setNumbers(holder, spellings);
  } else spellings.push(...pair);
  if (isArray && (spelling !== undefined || index < spellings.length)) spellings[index] = spelling;
}

function memberOf(
  holder: JsonObject | readonly JsonValue[] | undefined,
  key: string | number,
): JsonValue | undefined {
  if (holder === undefined || !Object.hasOwn(holder, key)) return undefined;
  return isList(holder) ? holder[Number(key)] : holder[key];
}

type Intern = (text: string) => string;

/** Names and spellings repeat: each is kept once, as far as the first thousand go. */
function createIntern(): Intern {
  const texts = new Map<string, string>();
  return (text) => {
    const same = texts.get(text);
    if (same !== undefined || texts.size === 1_000) return same ?? text;
    const own = copyOf(text);
    texts.set(own, own);
    return own;
  };
}

/** A slice keeps the whole text alive. */
function copyOf(slice: string): string {
  return Buffer.from(slice, 'utf16le').toString('utf16le');
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
