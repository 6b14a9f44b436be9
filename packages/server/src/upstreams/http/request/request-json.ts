import type { ChatRequest } from '../../../domain/chat-request.ts';
import type { JsonObject, JsonValue } from '../../../domain/json.ts';
import { measureJson, requestBounds } from '../../../domain/measure-json.ts';
import { isMarkedRoot, markRoot } from '../../../domain/spellings.ts';
import { asRecord, parseJsonExactly } from '../unknown-json.ts';

/** Headers of every request; the transport adds those of the provider. */
export const requestHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'user-agent': 'tailrace',
};

export function withoutUndefined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(isGiven));
}

function isGiven(entry: [string, JsonValue | undefined]): entry is [string, JsonValue] {
  return entry[1] !== undefined;
}

export interface ArgumentsReader {
  read(written: string): JsonObject;
  /** Whether spellings were kept of any arguments that were read. */
  kept(): boolean;
}

/**
 * Reads the arguments of the calls in one request's history, for providers that take an object: none is an empty one,
 * and what is no object (a call that was cut off) is handed over as it was written, as `{"arguments": "…"}`. So is what
 * is nested deeper than a request may be, or makes them more than half of what a whole body may be made of: a text
 * inside it is no way around those bounds.
 */
export function createArgumentsReader(): ArgumentsReader {
  const { maxDepth } = requestBounds;
  // They are parsed in one turn of the event loop with all that makes the request.
  let maxFields = requestBounds.maxFields / 2;
  let maxValues = requestBounds.maxValues / 2;
  let kept = false;

  function read(written: string): JsonObject {
    if (written.trim() === '') return {};
    const scan = measureJson(Buffer.from(written), { maxDepth, maxFields, maxValues });
    if (scan.type !== 'within') return { arguments: written };
    maxFields -= scan.fields;
    maxValues -= scan.values;
    const parsed = asRecord(parseJsonExactly(written));
    if (parsed === undefined) return { arguments: written };
    kept ||= isMarkedRoot(parsed);
    // Just parsed, and an object: JSON throughout.
    return parsed as JsonObject;
  }

  return { read, kept: () => kept };
}

/** Marks the body that was made of a request, where something was kept of that or of arguments in it. */
export function markedAs(request: ChatRequest, argumentsKept: boolean, body: JsonObject): JsonObject {
  if (argumentsKept || isMarkedRoot(request.rest)) markRoot(body);
  return body;
}
