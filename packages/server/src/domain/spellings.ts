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

/** A member from the quote of its name to the end of its value, and the value: what has changed is not written so. */
export interface RawMember {
  readonly value: JsonValue | undefined;
  readonly text: string;
}

const numbers = new WeakMap<object, NumberSpellings>();
const raw = new WeakMap<object, Map<string, RawMember>>();

export function numbersOf(holder: object): NumberSpellings | undefined {
  return numbers.get(holder);
}

export function setNumbers(holder: object, spellings: NumberSpellings): void {
  numbers.set(holder, spellings);
}

export function rawMembersOf(holder: object): ReadonlyMap<string, RawMember> | undefined {
  return raw.get(holder);
}

/** Of members of one name the last one counts, as in `JSON.parse`. */
export function setRawMember(holder: object, name: string, member: RawMember): void {
  const members = raw.get(holder) ?? new Map<string, RawMember>();
  if (members.size === 0) raw.set(holder, members);
  members.set(name, member);
}

/**
 * Gives `to`, a copy of an object, what was kept for `from`. What the copy has changed is written as it is now all the
 * same.
 */
export function keepSpellings<Copy extends JsonObject>(from: JsonObject, to: Copy): Copy {
  const spellings = numbers.get(from);
  const own = numbers.get(to);
  if (spellings !== undefined && own === undefined) numbers.set(to, [...spellings]);
  // One by one, in time linear in `from` alone: a call takes no more than some 100,000 arguments.
  else for (const part of spellings ?? []) own?.push(part);
  for (const [name, member] of raw.get(from) ?? []) setRawMember(to, name, member);
  return to;
}
