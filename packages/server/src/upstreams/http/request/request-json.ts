import type { ChatRequest } from '../../../domain/chat-request.ts';
import type { JsonObject, JsonValue } from '../../../domain/json.ts';
import { measureJson, requestBounds } from '../../../domain/measure-json.ts';
import { isMarkedRoot, markRoot } from '../../../domain/spellings.ts';
import { asObject, parseJsonExactly } from '../unknown-json.ts';

/** The headers of every request; the transport adds those of the provider. */
export const requestHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'user-agent': 'tailrace',
};

/** The members that have a value. */
export function withoutUndefined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(isGiven));
}

function isGiven(entry: [string, JsonValue | undefined]): entry is [string, JsonValue] {
  return entry[1] !== undefined;
}

/** Reads the arguments of tool calls as objects; see {@link createArgumentsReader}. */
export interface ArgumentsReader {
  /** `written`: the arguments as the request has them, mostly JSON. */
  read(written: string): JsonObject;
  /** Whether the spelling of a number was kept in any arguments that were read. */
  kept(): boolean;
}

/**
 * Reads the arguments of all calls in the history of one request, for providers that want objects. An empty text is an empty
 * object. Arguments that are no JSON object, such as those of a call that was cut, are sent as they were written, as
 * `{"arguments": "…"}`. Arguments are sent in this form too where they are nested too deep, or where they and the arguments
 * before them exceed half of the bounds of a body: the bounds must hold for JSON inside a text too.
 */
export function createArgumentsReader(): ArgumentsReader {
  const { maxDepth } = requestBounds;
  // All arguments are parsed in one turn of the event loop, together with the rest of the request.
  let maxFields = requestBounds.maxFields / 2;
  let maxValues = requestBounds.maxValues / 2;
  let kept = false;

  function read(written: string): JsonObject {
    if (written.trim() === '') return {};
    const scan = measureJson(Buffer.from(written), { maxDepth, maxFields, maxValues });
    if (scan.type !== 'within') return { arguments: written };
    maxFields -= scan.fields;
    maxValues -= scan.values;
    const parsed = asObject(parseJsonExactly(written));
    if (parsed === undefined) return { arguments: written };
    kept ||= isMarkedRoot(parsed);
    return parsed;
  }

  return { read, kept: () => kept };
}

/** Marks the root of a body where the request, or the arguments of a call in it, keep the spelling of a number. */
export function markedAs(request: ChatRequest, argumentsKept: boolean, body: JsonObject): JsonObject {
  if (argumentsKept || isMarkedRoot(request.rest)) markRoot(body);
  return body;
}
