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
 * The names of an object that this server interprets, each with the names inside its value, which is an object or a list of
 * objects. Undefined: the value has no names that are interpreted.
 */
export type KnownMembers = ReadonlyMap<string, KnownMembers | undefined>;

/**
 * `value` is the result of parsing `text`. Stores the spellings of the numbers that JavaScript would write in another way.
 * With `known` it also stores the text of each member that is not known; then the numbers of known members are not stored,
 * because this server writes them in its own way.
 *
 * Measured: the scan of a text with nothing to store takes one sixth of the time of its parse (mostly strings) to one third
 * (mostly punctuation). With `known`, `text` must not be nested deeper than the call stack, and must have been decoded from
 * UTF-8. `ascii`: the whole text is ASCII. Default: false.
 */
export function readSpellings(text: string, value: JsonValue, known?: KnownMembers, ascii = false): void {
  if (typeof value !== 'object' || value === null) return;
  if (!hasUnusualNumber(text) && (known === undefined || !holdsUnknown(value, known))) return;
  const walk: Walk = {
    text,
    ascii,
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

/** The length of the longest number that JavaScript writes: -0.0000012345678901234567. */
const maxCanonicalLength = 25;
const digitsOnly = /^\d+$/;

/** Whether JavaScript would write the number in another way than the text. */
function isUnusual(text: string, from: number, to: number): boolean {
  const length = to - from;
  if (length === 1) return false;
  if (length > maxCanonicalLength) return true;
  const source = text.slice(from, to);
  // JavaScript writes an integer of up to 15 digits with the same digits.
  if (length <= 15 && digitsOnly.test(source)) return false;
  return String(Number(source)) !== source;
}

function hasUnusualNumber(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (beginsNumber(code)) {
      const end = endOfWord(text, at);
      if (isUnusual(text, at, end)) return true;
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

/** An object or array that is open at the current place of the text. */
interface Frame {
  /**
   * Its value in the result of the parse. Where a name occurs twice, it is the value of the last such member. Undefined where
   * that value is of another kind than this one.
   */
  readonly holder: JsonObject | readonly JsonValue[] | undefined;
  readonly isArray: boolean;
  readonly known: KnownMembers | undefined;
  spellings: NumberSpellings | undefined;
  index: number;
  /** The place of the current member's name; `nameTo` is 0 before the name has come. */
  nameFrom: number;
  nameTo: number;
}

interface Walk {
  readonly text: string;
  readonly root: JsonValue;
  readonly known: KnownMembers | undefined;
  /** Copies a slice of `text`: a slice itself would keep the whole text in memory. */
  readonly copy: (slice: string) => string;
  /** The text is ASCII: its slices take one byte a character. */
  readonly ascii: boolean;
  /** Characters that were parsed and written again for a comparison, see {@link isCanonical}. */
  compared: number;
  /** The result of the last search for a backslash, kept so that each character is searched only once. */
  backslash: number;
  /** Whether anything was stored. */
  kept: boolean;
}

/** Walks through the text, with a stack of its own: the text may be nested deeper than the call stack. */
function readAll(walk: Walk): void {
  const { text, copy } = walk;
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      at = frame?.isArray === false && frame.nameTo === 0 ? takeName(walk, frame, at, end) : end;
    } else if (frame !== undefined && beginsNumber(code)) {
      const end = endOfWord(text, at);
      if (isUnusual(text, at, end)) noteNumber(walk, frame, copy(text.slice(at, end)));
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
  // Where the last member of this name is of the other kind, its spellings are stored in another form.
  const holder = isHolder(value) && isList(value) === isArray ? value : undefined;
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

/** Stores the text of the member where its name is not known. Returns the index where the walk continues. */
function takeName(walk: Walk, frame: Frame, from: number, to: number): number {
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
  // A canonical text need not be stored, unless it replaces the stored text of an earlier member with the same name.
  const same = valueFrom === to + 1 && isCanonical(walk, from, to) && isCanonical(walk, valueFrom, end);
  if (same && rawMembersOf(holder)?.texts.has(name) !== true) return end;
  setRawMember(holder, name, compact(walk, text.slice(from, end)));
  walk.kept = true;
  return end;
}

/**
 * A longer member that is not ASCII is stored as a Buffer: it needs less memory than such a string, although it is one more
 * object.
 */
const largeMember = 1_024;

/** The text of a member in a form that does not keep much more than the member in memory. */
function compact({ text, ascii, copy }: Walk, member: string): RawText {
  // A slice of more than a quarter of an ASCII text is stored as it is.
  if (ascii) return member.length * 4 > text.length ? member : copy(member);
  return member.length > largeMember ? Buffer.from(member) : copy(member);
}

/** Characters of one text that are compared at most. Beyond it a member is stored without a comparison. */
const maxCompared = 65_536;

/**
 * Whether this server would write the value with the same characters. It parses the text of the member itself. The holder
 * has only the last of several members with one name, so a comparison of each with that value would cost the length of that
 * value each time.
 */
function isCanonical(walk: Walk, from: number, to: number): boolean {
  const { text } = walk;
  const first = text.charCodeAt(from);
  if (beginsNumber(first)) return !isUnusual(text, from, to);
  const isString = first === quote;
  if (!isString && first !== openObject && first !== openArray) return true;
  if (isString && !holdsBackslash(walk, from, to)) return true;
  walk.compared += to - from;
  if (walk.compared > maxCompared) return false;
  const written = text.slice(from, to);
  return JSON.stringify(JSON.parse(written)) === written;
}

/**
 * Whether the string has a backslash; without one `JSON.stringify` writes it with the same characters. It must be called for
 * ascending places.
 */
function holdsBackslash(walk: Walk, from: number, to: number): boolean {
  if (walk.backslash < from) {
    const found = walk.text.indexOf('\\', from);
    walk.backslash = found < 0 ? walk.text.length : found;
  }
  return walk.backslash < to;
}

/**
 * Stores the spelling of a number. `undefined`, where it needs none, is stored too: it cancels the spelling of an earlier
 * member with the same name.
 */
function noteNumber(walk: Walk, frame: Frame, spelling: string | undefined): void {
  const { holder, isArray, known, index, nameFrom, nameTo } = frame;
  if (holder === undefined || (known !== undefined && !isArray)) return;
  // The list is created with its first pair: V8 gives an empty list 17 places at its first push.
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
 * Names and spellings repeat, so each is copied once. After a thousand copies a slice is used as it is: a copy takes 1 µs, and
 * a text with so many spellings may be kept in memory.
 */
function createCopies(): (slice: string) => string {
  const copies = new Map<string, string>();
  return (slice) => {
    const same = copies.get(slice);
    if (same !== undefined || copies.size === 1_000) return same ?? slice;
    // A string from UTF-8 takes one byte a character where it is ASCII. UTF-8 cannot hold half of a surrogate pair.
    const copy = slice.isWellFormed() ? Buffer.from(slice).toString() : slice;
    copies.set(copy, copy);
    return copy;
  };
}

function isHolder(value: JsonValue | undefined): value is JsonObject | readonly JsonValue[] {
  return typeof value === 'object' && value !== null;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
