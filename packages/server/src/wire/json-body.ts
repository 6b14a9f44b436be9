import { assertNever } from '../domain/assert-never.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { type JsonObject, type JsonValue, loneBackslashMessage, parseForeignJson } from '../domain/json.ts';
import { withoutHalfPairs } from '../domain/json-escapes.ts';
import { type JsonMeasure, type JsonPath, measureJson, requestBounds } from '../domain/measure-json.ts';
import { type KnownMembers, readSpellings } from '../domain/read-spellings.ts';
import { isMarkedRoot } from '../domain/spellings.ts';
import { heldBytesOf } from './held-bytes.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Bytes of a request body → a JSON value within `requestBounds`, every number finite, every text well
 * formed: half of a surrogate pair becomes U+FFFD, in names of members too. Otherwise a chat that once contained one could
 * never continue. Failures are `invalid_json`, and `invalid_value` with the path of the mistake.
 *
 * Members that are not among `known` can be written again as they came (`writeExactly`). `reserve` is called twice: before
 * the parse with the most memory that the value may take (`held-bytes.ts`), and after it with what it takes, which is not
 * more. Where the first call refuses, the body is not parsed.
 */
export function parseJsonBody(
  bytes: Uint8Array,
  known?: KnownMembers,
  reserve?: ReserveMemory,
): Result<JsonValue> {
  const steps = bodySteps(bytes, known, reserve);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** A body of this size takes some 2 ms, and is parsed without a pause. */
const smallBody = 64 * 1024;

/**
 * {@link parseJsonBody}, for a large body with a pause between its steps: of 10 MB the scan takes 50 ms, the parse 80 to
 * 200, and the reading of its spelling as much again.
 */
export async function parseJsonBodyInTurns(
  bytes: Uint8Array,
  known: KnownMembers | undefined,
  reserve: ReserveMemory,
  pause: () => Promise<void>,
): Promise<Result<JsonValue>> {
  if (bytes.length <= smallBody) return parseJsonBody(bytes, known, reserve);
  const steps = bodySteps(bytes, known, reserve);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await pause();
  }
}

type ReserveMemory = (heldBytes: number) => Failure | undefined;

function* bodySteps(
  bytes: Uint8Array,
  known: KnownMembers | undefined,
  reserve: ReserveMemory | undefined,
): Generator<undefined, Result<JsonValue>> {
  const scan = measureJson(bytes, requestBounds);
  if (scan.type !== 'within') return fail(failureBeyond(scan));
  let text: string;
  try {
    // Before the parse: members that are passed on as they were written must have no halves either.
    text = utf8.decode(scan.halfPairs ? withoutHalfPairs(bytes) : bytes);
  } catch {
    return fail(failure('invalid_json', 'The request body is not valid UTF-8. Encode it as UTF-8 JSON.'));
  }
  if (text.trim() === '') {
    return fail(failure('invalid_json', 'The request body is empty. Send a JSON object.'));
  }
  const contents = {
    values: scan.values,
    fields: scan.fields,
    textBytes: widthOf(text, bytes) * text.length,
  };
  const refused = reserve?.(heldBytesOf(contents, true));
  if (refused !== undefined) return fail(refused);
  yield;
  const value = parseText(text);
  if (!value.ok) return value;
  // Only a body in which the scan saw such a number can have the mistake; the others are not walked.
  const found = scan.vastNumbers ? findVastNumber(value.value, []) : undefined;
  if (found !== undefined) return fail(failureAt(found, 'is no finite number'));
  yield;
  readSpellings(text, value.value, known, text.length === bytes.length);
  reserve?.(heldBytesOf(contents, holdsMark(value.value)));
  return value;
}

/** The most bytes that V8 takes for a character of this text. */
function widthOf(text: string, bytes: Uint8Array): 1 | 2 {
  return text.length === bytes.length && !text.includes('\\u') ? 1 : 2;
}

function holdsMark(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && isMarkedRoot(value);
}

function parseText(text: string): Result<JsonValue> {
  try {
    // What JSON.parse returns is JSON.
    return ok(parseForeignJson(text) as JsonValue);
  } catch (error) {
    const reason = error instanceof SyntaxError ? syntaxMessage(error) : 'unreadable';
    return fail(failure('invalid_json', `The request body is not valid JSON: ${reason}.`));
  }
}

function failureBeyond(scan: Exclude<JsonMeasure, { type: 'within' }>): Failure {
  switch (scan.type) {
    case 'deep':
      return failureAt(scan.path, `nests deeper than ${requestBounds.maxDepth} levels`);
    case 'fields':
      return tooMany(`${requestBounds.maxFields} fields (of all its objects together)`);
    case 'values':
      return tooMany(`${requestBounds.maxValues} values (at all depths together)`);
    default:
      return assertNever(scan);
  }
}

function tooMany(what: string): Failure {
  return failure(
    'invalid_value',
    `The request body has more than ${what}. Shorten it, or split it over several requests.`,
  );
}

/** The path of the first number that is not finite in the value at `path`, which is left as it was where there is none. */
function findVastNumber(value: JsonValue, path: (string | number)[]): JsonPath | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  const steps = isList(value) ? value.keys() : Object.keys(value);
  for (const step of steps) {
    path.push(step);
    const found = findVastNumber(memberOf(value, step), path);
    if (found !== undefined) return found;
    path.pop();
  }
  return undefined;
}

function memberOf(value: JsonObject | readonly JsonValue[], step: string | number): JsonValue {
  if (isList(value)) return value[Number(step)] ?? null;
  return value[step] ?? null;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function failureAt(path: JsonPath, what: string): Failure {
  const param = paramOf(path);
  const subject = param === '' ? 'The request body' : `'${param}'`;
  return failure('invalid_value', `${subject} ${what}.`, param === '' ? {} : { param });
}

function paramOf(path: JsonPath): string {
  return path.reduce<string>((param, step) => {
    if (typeof step === 'number') return `${param}[${step}]`;
    return param === '' ? step : `${param}.${step}`;
  }, '');
}

/** V8's message without the excerpt of the body that it may quote: that is content, and messages are logged. */
function syntaxMessage(error: SyntaxError): string {
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message);
  if (position !== null) return `unexpected text ${position[0]}`;
  return error.message === loneBackslashMessage
    ? loneBackslashMessage
    : 'it ends too early or has a stray character';
}
