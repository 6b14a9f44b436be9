import type { JsonObject, JsonValue } from './json.ts';
import {
  afterMark,
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
} from './json-token-ends.ts';
import {
  markRoot,
  type NumberSpellings,
  numbersOf,
  type RawText,
  rawMembersOf,
  setNumbers,
  setRawMember,
} from './spellings.ts';

/**
 * The names that this server knows in an object, and the names inside each value that is such an object or a list of
 * them. Undefined: the value is not interpreted here, and its numbers keep their spelling.
 */
export type KnownMembers = ReadonlyMap<string, KnownMembers | undefined>;

/**
 * Keeps what `value` does not tell of the text it was parsed from: numbers that JavaScript would write otherwise, and,
 * where `known` says which members are ours, each member that is not among them, byte for byte. A number that is a
 * member of ours is not kept: it is written as we write it.
 *
 * Cost, measured: a text with nothing to keep is scanned once, in a sixth of the time of its parse where it is mostly
 * strings and in a third where it is mostly punctuation. With `known` it must not nest deeper than a call stack goes,
 * and must have been UTF-8; `narrow` says that it is ASCII throughout.
 */
export function readSpellings(text: string, value: JsonValue, known?: KnownMembers, narrow = false): void {
  if (typeof value !== 'object' || value === null) return;
  if (!hasOddNumber(text) && (known === undefined || !holdsUnknown(value, known))) return;
  const walk: Walk = {
    text,
    narrow,
    root: value,
    known,
    copy: createCopies(),
    compared: 0,
    backslash: -1,
    kept: false,
  };
  readAll(walk);
  if (walk.kept) markRoot(value);
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
    } else at = afterMark(text, at, code);
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
  /**
   * The value that `JSON.parse` kept. Where a name occurs twice it is the value of the last member. Undefined where that
   * value is no object and no array.
   */
  readonly holder: JsonObject | readonly JsonValue[] | undefined;
  readonly isArray: boolean;
  readonly known: KnownMembers | undefined;
  spellings: NumberSpellings | undefined;
  index: number;
  /** Where the name of the member at hand stands; `nameTo` is 0 until it has come. */
  nameFrom: number;
  nameTo: number;
}

interface Walk {
  readonly text: string;
  readonly root: JsonValue;
  readonly known: KnownMembers | undefined;
  /** A text of its own for a slice, which would keep all of `text` alive. */
  readonly copy: (slice: string) => string;
  /** ASCII throughout: a slice of it takes a byte a character. */
  readonly narrow: boolean;
  /** Characters that were parsed and written once more, to see whether we would write them so. */
  compared: number;
  /** The first backslash from where it was last looked for: each character is looked at once for it. */
  backslash: number;
  kept: boolean;
}

/** With a stack of its own: the text may nest deeper than any call stack. */
function readAll(walk: Walk): void {
  const { text, copy } = walk;
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      at = frame?.isArray === false && frame.nameTo === 0 ? behindName(walk, frame, at, end) : end;
    } else if (frame !== undefined && beginsNumber(code)) {
      const end = endOfWord(text, at);
      if (isOdd(text, at, end)) noteNumber(walk, frame, copy(text.slice(at, end)));
      else if (frame.spellings !== undefined) noteNumber(walk, frame, undefined);
      at = end;
    } else {
      at = afterMark(text, at, code);
      if (code === openObject || code === openArray) {
        frame = frameOf(walk, frame, code === openArray);
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

function frameOf({ text, root, known }: Walk, outer: Frame | undefined, isArray: boolean): Frame {
  const name = outer?.isArray === false ? stringIn(text, outer.nameFrom, outer.nameTo) : undefined;
  const value = outer === undefined ? root : memberOf(outer.holder, name ?? outer.index);
  const holder = typeof value === 'object' && value !== null ? value : undefined;
  const inherited = outer === undefined ? known : outer.known;
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
function behindName(walk: Walk, frame: Frame, from: number, to: number): number {
  frame.nameFrom = from;
  frame.nameTo = to;
  if (frame.known === undefined) return to;
  const { text } = walk;
  const name = stringIn(text, from, to);
  if (frame.known.has(name)) return to;
  const valueFrom = afterSpace(text, afterSpace(text, to) + 1);
  const end = endOfValue(text, valueFrom);
  const { holder } = frame;
  if (holder === undefined || isList(holder)) return end;
  // What we would write ourselves costs nothing, unless another member of that name stood before it.
  const same = valueFrom === to + 1 && isOurs(walk, from, to) && isOurs(walk, valueFrom, end);
  if (same && rawMembersOf(holder)?.texts.has(name) !== true) return end;
  setRawMember(holder, name, compact(walk, text.slice(from, end)));
  walk.kept = true;
  return end;
}

/** From here on a copy of its own as bytes is worth the object they take. */
const largeMember = 1_024;

/** What keeps no more alive than it is long. */
function compact({ text, narrow, copy }: Walk, member: string): RawText {
  // Most of the text may as well keep all of it, where that takes a byte a character.
  if (narrow) return member.length * 4 > text.length ? member : copy(member);
  return member.length > largeMember ? Buffer.from(member) : copy(member);
}

/** What of one text is parsed a second time. What is beyond it is kept, though we might write it in the same way. */
const maxCompared = 65_536;

/**
 * Whether we would write the value as it is written. Compared with its own text, never with the value that the holder
 * has: many members of one name would each cost what the last of them is long.
 */
function isOurs(walk: Walk, from: number, to: number): boolean {
  const { text } = walk;
  const first = text.charCodeAt(from);
  if (beginsNumber(first)) return !isOdd(text, from, to);
  const isString = first === quote;
  if (!isString && first !== openObject && first !== openArray) return true;
  if (isString && !holdsBackslash(walk, from, to)) return true;
  walk.compared += to - from;
  if (walk.compared > maxCompared) return false;
  const written = text.slice(from, to);
  return JSON.stringify(JSON.parse(written)) === written;
}

/** Asked of one place behind the other. A string of UTF-8 without one is what `JSON.stringify` makes of it. */
function holdsBackslash(walk: Walk, from: number, to: number): boolean {
  if (walk.backslash < from) {
    const found = walk.text.indexOf('\\', from);
    walk.backslash = found < 0 ? walk.text.length : found;
  }
  return walk.backslash < to;
}

/** Of members of one name the last one counts, as in `JSON.parse`: its spelling, or that it needs none. */
function noteNumber(walk: Walk, frame: Frame, spelling: string | undefined): void {
  const { holder, isArray, known, index, nameFrom, nameTo } = frame;
  if (holder === undefined || (known !== undefined && !isArray)) return;
  // With its first pair in it: an empty list grows to 17 places at its first push.
  const pair = isArray ? [] : [walk.copy(stringIn(walk.text, nameFrom, nameTo)), spelling];
  const spellings = frame.spellings ?? pair;
  if (frame.spellings === undefined) {
    frame.spellings = spellings;
    setNumbers(holder, spellings);
    walk.kept = true;
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

/**
 * Names and spellings repeat: each is copied once. Behind the first thousand a slice is taken as it is, for copies cost
 * 1 µs each and a text with so much to keep is kept anyway.
 */
function createCopies(): (slice: string) => string {
  const copies = new Map<string, string>();
  return (slice) => {
    const same = copies.get(slice);
    if (same !== undefined || copies.size === 1_000) return same ?? slice;
    // UTF-8, so that ASCII stays one byte a character; half a surrogate pair would not survive it.
    const copy = slice.isWellFormed() ? Buffer.from(slice).toString() : slice;
    copies.set(copy, copy);
    return copy;
  };
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
