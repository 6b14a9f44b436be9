/**
 * What was kept of a JSON text beside the values that `JSON.parse` made of it, by object or array: weakly, so that it
 * goes when they go. `read-spellings.ts` fills this in, `exact-json.ts` writes from it.
 */
import type { JsonObject, JsonValue } from './json.ts';

/**
 * Spellings of numbers. Of an array: by index. Of an object: name, spelling, name, spelling …; of one name the last pair
 * counts, and an undefined spelling takes an earlier one back. A Map for each small object would be five times as large.
 */
export type NumberSpellings = (string | undefined)[];

/** Members as they were written, by name: each from the quote of its name to the end of its value. */
export interface RawMembers {
  /** The object they were read of: a member with another value than here is not written so. */
  readonly origin: JsonObject;
  readonly texts: Map<string, RawText>;
}

/** Bytes where a string would take two bytes a character. */
export type RawText = string | Buffer;

const numbers = new WeakMap<object, NumberSpellings>();
const raw = new WeakMap<object, RawMembers>();
/** Values of whole texts of which something was kept, at whatever depth. */
const roots = new WeakSet<object>();

/** Whether something was kept of the text that this was parsed from, or of one that {@link keepSpellings} copied it from. */
export function isMarkedRoot(value: object): boolean {
  return roots.has(value);
}

export function markRoot(value: object): void {
  roots.add(value);
}

export function numbersOf(holder: object): NumberSpellings | undefined {
  return numbers.get(holder);
}

export function setNumbers(holder: object, spellings: NumberSpellings): void {
  numbers.set(holder, spellings);
}

export function rawMembersOf(holder: object): RawMembers | undefined {
  return raw.get(holder);
}

/** The spellings of an object's own numbers, by name. */
export function spellingsByName(holder: object): ReadonlyMap<string, string> {
  const pairs = numbers.get(holder) ?? [];
  const byName = new Map<string, string>();
  for (let at = 0; at < pairs.length; at += 2) {
    const [name = '', spelling] = [pairs[at], pairs[at + 1]];
    if (spelling === undefined) byName.delete(name);
    else byName.set(name, spelling);
  }
  return byName;
}

/** Of members of one name the last one counts, as in `JSON.parse`. */
export function setRawMember(holder: JsonObject, name: string, text: RawText): void {
  const members = raw.get(holder);
  if (members === undefined) raw.set(holder, { origin: holder, texts: new Map([[name, text]]) });
  else members.texts.set(name, text);
}

/** A new object of some members of another one, with what was kept for them. It keeps nothing else of that one alive. */
export function pickMembers(from: JsonObject, names: readonly string[]): JsonObject {
  const picked: Record<string, JsonValue> = {};
  for (const name of names) {
    const value = from[name] ?? null;
    if (name !== '__proto__') picked[name] = value;
    else Object.defineProperty(picked, name, { value, enumerable: true, configurable: true, writable: true });
  }
  keepSpellings(from, picked);
  const members = raw.get(from);
  if (members !== undefined) raw.set(picked, { origin: picked, texts: members.texts });
  return picked;
}

/**
 * Gives `to`, a new copy of an object, what was kept for `from`. What the copy has changed is written as it is now.
 */
export function keepSpellings<Copy extends JsonObject>(from: JsonObject, to: Copy): Copy {
  const spellings = numbers.get(from);
  if (spellings !== undefined) {
    // A copy of two objects has one spelling a name, of the object that was given last.
    const both = numbers.has(to) ? [...spellingsByName(to), ...spellingsByName(from)] : undefined;
    numbers.set(to, both === undefined ? [...spellings] : [...new Map(both)].flat());
  }
  const members = raw.get(from);
  if (members !== undefined) raw.set(to, members);
  if (roots.has(from)) roots.add(to);
  return to;
}
