/**
 * Spellings of a JSON text that the values of `JSON.parse` do not keep. They are stored by object or array in WeakMaps, so
 * that they live as long as these. `read-spellings.ts` stores them, `exact-json.ts` writes with them.
 */
import type { JsonObject, JsonValue } from './json.ts';

/**
 * Spellings of the numbers of one array or object. For an array they are stored by index. For an object the list is name,
 * spelling, name, spelling …; the last pair of a name counts, and an undefined spelling cancels an earlier one. A Map for each
 * small object would take five times the memory.
 */
export type NumberSpellings = (string | undefined)[];

/** Texts of members by name, each from the quote of its name to the end of its value. */
export interface RawMembers {
  /** The object that was read: a text is used only while the member has the same value as in this object. */
  readonly origin: JsonObject;
  readonly texts: Map<string, RawText>;
}

/** A Buffer where a string would take two bytes a character. */
export type RawText = string | Buffer;

const numbers = new WeakMap<object, NumberSpellings>();
const raw = new WeakMap<object, RawMembers>();
/** The root values of texts of which a spelling was kept, at any depth. */
const roots = new WeakSet<object>();

/** Whether a spelling was kept of the text of this root, or of the root that {@link keepSpellings} copied to it. */
export function isMarkedRoot(value: object): boolean {
  return roots.has(value);
}

/** Marks the root of a text of which a spelling was kept. */
export function markRoot(value: object): void {
  roots.add(value);
}

/** The spellings of an object's or array's own numbers; undefined where it has none. */
export function numbersOf(holder: object): NumberSpellings | undefined {
  return numbers.get(holder);
}

/** Stores the spellings of an object's or array's own numbers. */
export function setNumbers(holder: object, spellings: NumberSpellings): void {
  numbers.set(holder, spellings);
}

/** The texts of an object's members; undefined where it has none. */
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

/** Stores the text of a member. It replaces an earlier one of the same name, as in `JSON.parse`. */
export function setRawMember(holder: JsonObject, name: string, text: RawText): void {
  const members = raw.get(holder);
  if (members === undefined) raw.set(holder, { origin: holder, texts: new Map([[name, text]]) });
  else members.texts.set(name, text);
}

/** A new object of some members of `from`, with their spellings. It holds no reference to `from`. */
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
 * Copies the spellings of `from` to `to`, a copy of it. Members that differ from those of `from` are written as they
 * are now.
 */
export function keepSpellings<Copy extends JsonObject>(from: JsonObject, to: Copy): Copy {
  const spellings = numbers.get(from);
  if (spellings !== undefined) {
    // Where two objects are copied to one, the last call decides for each name.
    const both = numbers.has(to) ? [...spellingsByName(to), ...spellingsByName(from)] : undefined;
    numbers.set(to, both === undefined ? [...spellings] : [...new Map(both)].flat());
  }
  const members = raw.get(from);
  if (members !== undefined) raw.set(to, members);
  if (roots.has(from)) roots.add(to);
  return to;
}
