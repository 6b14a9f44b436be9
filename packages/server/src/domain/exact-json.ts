/**
 * JSON that is parsed here and written again though it is not ours: a schema, the arguments of a tool, a field that has no
 * name here. JavaScript's numbers forget how they were written (`12345678901234567890`, `1.0`, `-0`, `1e2`), and the
 * first of these becomes another number. So:
 *
 *     parseExactly ──▶ plain values, and beside each object or array the spellings of its own numbers, of those
 *                      that JavaScript would write otherwise
 *     writeExactly ◀── the values, each number with its spelling while it still is the number that was read
 *
 * All code between the two works on plain values. An object that code makes anew has no spellings: `keepSpellings`
 * gives it those of the object it was made from.
 */
import { type JsonObject, type JsonValue, parseForeignJson } from './json.ts';
import { readSpellings } from './read-spellings.ts';
import { isMarkedRoot, type NumberSpellings, numbersOf, rawMembersOf, spellingsByName } from './spellings.ts';

/** `JSON.parse`, and throws what it throws. */
export function parseExactly(text: string): JsonValue {
  // What JSON.parse returns is JSON.
  const value = parseForeignJson(text) as JsonValue;
  readSpellings(text, value);
  return value;
}

/**
 * `JSON.stringify` of what is JSON, with all that was kept of how it was written; throws where it nests some thousands
 * deep.
 */
export function writeExactly(value: unknown): string {
  return holdsSpellings(value) ? writePieces(value) : JSON.stringify(value);
}

/**
 * {@link writeExactly} for a body whose root is marked where anything in it was kept: without the mark, which nearly no
 * request has, it is not looked for, which takes four times as long as to write the body.
 */
export function writeMarked(body: JsonObject): string {
  return isMarkedRoot(body) ? writePieces(body) : JSON.stringify(body);
}

function writePieces(value: unknown): string {
  const pieces: string[] = [];
  write(value, undefined, pieces);
  return pieces.join('');
}

/**
 * Looks for a spelling anywhere in the value. A root with a spelling has a mark and is found at once; a value without any
 * is walked whole.
 */
function holdsSpellings(value: unknown): boolean {
  if (!isHolder(value)) return false;
  if (isMarkedRoot(value) || numbersOf(value) !== undefined || rawMembersOf(value) !== undefined) return true;
  if (Array.isArray(value)) return value.some(holdsSpellings);
  // By keys: of 50,000 members `Object.values` and `Object.entries` cost 70 to 110 ms, keys and reads 16 to 28 ms.
  for (const name of Object.keys(value)) if (holdsSpellings(value[name])) return true;
  return false;
}

/** Pieces of the text, joined once: joined as they come they would cost 50 bytes a value. */
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

/** For a few pairs; the last one counts. */
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
