/**
 * Parses and writes JSON of clients and upstreams without changing its numbers: schemas, arguments of tools, members that are
 * not interpreted. A JavaScript number does not keep its spelling (`12345678901234567890`, `1.0`, `-0`, `1e2`), and the first
 * of these even becomes another number. So:
 *
 *     parseExactly ──▶ plain values; and for each object or array, in a WeakMap, the spellings of those of its numbers
 *                      that JavaScript would write in another way
 *     writeExactly ◀── the values; a number that is still the one that was read is written with its spelling
 *
 * Code between the two uses plain values. A new object has no spellings: `keepSpellings` copies to it those of another object.
 */
import { type JsonObject, type JsonValue, parseForeignJson } from './json.ts';
import { readSpellings } from './read-spellings.ts';
import {
  isMarkedRoot,
  type NumberSpellings,
  numbersOf,
  pickMembers,
  rawMembersOf,
  spellingsByName,
} from './spellings.ts';

/** `JSON.parse` that keeps the spellings of numbers; throws the same errors. */
export function parseExactly(text: string): JsonValue {
  // JSON.parse returns only JSON values.
  const value = parseForeignJson(text) as JsonValue;
  readSpellings(text, value);
  return value;
}

/**
 * `JSON.stringify` of a JSON value that uses the kept spellings. Throws where the value is nested some thousand levels
 * deep.
 */
export function writeExactly(value: unknown): string {
  return holdsSpellings(value) ? writePieces(value) : JSON.stringify(value);
}

/** {@link writeExactly} of one member of an object: the spelling of a number is kept with its object. */
export function writeMember(holder: JsonObject, name: string): string {
  return writeExactly(pickMembers(holder, [name])).slice(JSON.stringify(name).length + 2, -1);
}

/**
 * Writes a body, with its kept spellings only where its root is marked: a root is marked where a spelling was kept anywhere
 * in it. Nearly no body is marked. A search of an unmarked body would take four times as long as writing it.
 */
export function writeMarked(body: JsonObject): string {
  return isMarkedRoot(body) ? writePieces(body) : JSON.stringify(body);
}

function writePieces(value: unknown): string {
  const pieces: string[] = [];
  write(value, undefined, pieces);
  return pieces.join('');
}

/** Whether a spelling was kept anywhere in the value. A value without a mark is searched at all depths. */
function holdsSpellings(value: unknown): boolean {
  if (!isHolder(value)) return false;
  if (isMarkedRoot(value) || numbersOf(value) !== undefined || rawMembersOf(value) !== undefined) return true;
  if (Array.isArray(value)) return value.some(holdsSpellings);
  // For 50,000 members `Object.values` and `Object.entries` take 70 to 110 ms, `Object.keys` with reads 16 to 28 ms.
  for (const name of Object.keys(value)) if (holdsSpellings(value[name])) return true;
  return false;
}

/** Adds the text of a value to `pieces`, which are joined once: string concatenation would take 50 bytes a value. */
function write(value: unknown, spelling: string | undefined, pieces: string[]): void {
  if (typeof value === 'number' && spelling !== undefined && Object.is(Number(spelling), value)) {
    pieces.push(spelling);
  } else if (!isHolder(value)) pieces.push(JSON.stringify(value) ?? 'null');
  else if (Array.isArray(value)) writeList(value, pieces);
  else writeObject(value, pieces);
}

function writeList(list: readonly unknown[], pieces: string[]): void {
  const spellings = numbersOf(list);
  if (spellings === undefined && !list.some(isHolder)) {
    pieces.push(JSON.stringify(list));
    return;
  }
  for (let index = 0; index < list.length; index += 1) {
    pieces.push(index === 0 ? '[' : ',');
    write(list[index], spellings?.[index], pieces);
  }
  pieces.push(list.length === 0 ? '[]' : ']');
}

function writeObject(object: Members, pieces: string[]): void {
  const pairs = numbersOf(object);
  const byName = pairs !== undefined && pairs.length > 16 ? spellingsByName(object) : undefined;
  const raw = rawMembersOf(object);
  let before = '{';
  for (const name of Object.keys(object)) {
    const member = object[name];
    if (member === undefined) continue;
    const text = raw?.texts.get(name);
    if (text !== undefined && Object.is(raw?.origin[name], member)) pieces.push(before, text.toString());
    else {
      pieces.push(before, JSON.stringify(name), ':');
      write(member, byName === undefined ? spellingIn(pairs, name) : byName.get(name), pieces);
    }
    before = ',';
  }
  pieces.push(before === '{' ? '{}' : '}');
}

/** The spelling of a member's number, where the object has few spellings. The last pair of a name counts. */
function spellingIn(pairs: NumberSpellings | undefined, name: string): string | undefined {
  if (pairs === undefined) return undefined;
  for (let at = pairs.length - 2; at >= 0; at -= 2) if (pairs[at] === name) return pairs[at + 1];
  return undefined;
}

/** An array, or an object by the names of its members. */
type Members = Readonly<Record<string, unknown>>;

function isHolder(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}
