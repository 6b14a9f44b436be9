import { isErrorCode } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { isObject, type JsonObject } from '../../domain/json.ts';
import { readTexts } from '../../redis/redis-connection.ts';
import type { StreamEnding, StreamFacts, StreamHead } from '../contract.ts';
import type { StreamImage } from '../stream-image.ts';

/** What Redis knows of a stream, as its scripts return it. */
export type StoredStream =
  | { readonly type: 'unknown' }
  /** Events of it are missing. */
  | { readonly type: 'lost' }
  | ({ readonly type: 'stream' } & StoredState);

export interface StoredState {
  readonly facts: StreamFacts;
  /** The process that writes it, or wrote it. */
  readonly process: string;
  readonly epoch: string;
  readonly head: StreamHead | undefined;
  /** Numbers of the oldest and the newest event, without the ending. */
  readonly first: number;
  readonly last: number;
  readonly ending: StreamEnding | undefined;
  /** Whether the process that writes it has a beat. */
  readonly alive: boolean;
  /** Its newest events, in order; the last one is event `last`. */
  readonly newest: readonly string[];
}

/** The state in the answer of a script. What cannot be read is as good as lost: another version may have written it. */
export function storedIn(answer: unknown): StoredStream {
  try {
    return readStored(readTexts(answer));
  } catch {
    return { type: 'lost' };
  }
}

function readStored(texts: readonly string[]): StoredStream {
  const [type, facts, process, epoch, head, first, last, ending, alive, ...newest] = texts;
  if (type === 'unknown' || type === 'lost') return { type };
  if (type !== 'stream' || facts === undefined || process === undefined || epoch === undefined) {
    throw new Error('the state of a stream has other parts');
  }
  return {
    type,
    facts: readFacts(facts),
    process,
    epoch,
    head: head ? readHead(head) : undefined,
    first: Number(first),
    last: Number(last),
    ending: ending ? readEnding(ending) : undefined,
    alive: alive === '1',
    newest: newest.reverse(),
  };
}

/** Gives an image what Redis has: the events that it lacks, where they are there without a gap, and everything else. */
export function bringUp(image: StreamImage, { head, first, last, ending, newest }: StoredState): void {
  const from = last - newest.length + 1;
  if (newest.length > 0 && (image.isEmpty || from > image.lastEvent + 1)) image.restart(from);
  else if (last > image.lastEvent && newest.length === 0) image.restart(last + 1);
  for (let number = image.lastEvent + 1; number <= last; number += 1) image.add(newest[number - from] ?? '');
  image.keptFrom(first);
  image.head ??= head;
  image.ending ??= ending;
}

/** What is new in a stream, as its channel tells the replicas that follow it. */
export type StreamMessage =
  | { readonly type: 'lost' | 'dropped' }
  | {
      readonly type: 'more';
      /** The number of the first payload; without payloads that of the event which would be next. */
      readonly from: number;
      /** The number of the oldest event that is kept. */
      readonly first: number;
      readonly payloads: readonly string[];
      readonly head: StreamHead | undefined;
      readonly ending: StreamEnding | undefined;
    };

/**
 * Reads a message: `lost`, `dropped`, or the five parts `more`, numbers (from, first, the length of each payload), head, ending and
 * payloads, with a LF between each two. JSON on one line has none. Undefined where it is something else.
 */
export function readMessage(bytes: Buffer): StreamMessage | undefined {
  try {
    return messageIn(bytes);
  } catch {
    return undefined;
  }
}

function messageIn(bytes: Buffer): StreamMessage {
  const kind = bytes.indexOf(10);
  if (kind < 0) {
    const type = bytes.toString('latin1');
    if (type === 'lost' || type === 'dropped') return { type };
    throw new Error('a message of another kind');
  }
  const numbers = bytes.indexOf(10, kind + 1);
  const head = bytes.indexOf(10, numbers + 1);
  const ending = bytes.indexOf(10, head + 1);
  const [from = Number.NaN, first = Number.NaN, ...lengths] = bytes
    .toString('latin1', kind + 1, numbers)
    .split(' ')
    .map(Number);
  let at = ending + 1;
  const payloads = lengths.map((length) => {
    at += length;
    return bytes.toString('latin1', at - length, at);
  });
  return {
    type: 'more',
    from,
    first,
    payloads,
    head: head > numbers + 1 ? readHead(bytes.toString('utf8', numbers + 1, head)) : undefined,
    ending: ending > head + 1 ? readEnding(bytes.toString('utf8', head + 1, ending)) : undefined,
  };
}

/** An ending as Redis keeps it: of its failure only what a client may see. */
export function endingJson(ending: StreamEnding): string {
  if (ending.type === 'whole') return JSON.stringify(ending);
  const { code, message, param, retryAfterMs } = ending.failure;
  return JSON.stringify({ ...ending, failure: { code, message, param, retryAfterMs } });
}

function readFacts(json: string): StreamFacts {
  const value = readObject(json);
  const text = (name: string): string => {
    const member = value[name];
    if (typeof member !== 'string') throw new Error(`the facts of a stream have no ${name}`);
    return member;
  };
  const { traceparent } = value;
  return {
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    id: text('id'),
    requestId: text('requestId'),
    keyId: text('keyId'),
    surface: text('surface'),
    model: text('model'),
    stream: value['stream'] === true,
    createdAtMs: Number(value['createdAtMs']),
  };
}

function readHead(json: string): StreamHead {
  const { target, phases } = readObject(json);
  return { ...(typeof target === 'string' ? { target } : {}), ...readPhases(phases) };
}

function readPhases(value: unknown): Pick<StreamHead, 'phases'> {
  if (!isObject(value)) return {};
  const { queueMs, promptMs } = value;
  return typeof queueMs === 'number' && typeof promptMs === 'number' ? { phases: { queueMs, promptMs } } : {};
}

function readEnding(json: string): StreamEnding {
  const { type, payload, failure: reason } = readObject(json);
  if (type === 'whole') return typeof payload === 'string' ? { type, payload } : { type };
  if (type !== 'torn' || !isObject(reason)) throw new Error('an ending of another kind');
  return { type, failure: readFailure(reason), payload: typeof payload === 'string' ? payload : '' };
}

function readFailure({ code, message, param, retryAfterMs }: JsonObject): Failure {
  return failure(isErrorCode(code) ? code : 'internal_error', String(message), {
    ...(typeof param === 'string' ? { param } : {}),
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  });
}

function readObject(json: string): JsonObject {
  const value: unknown = JSON.parse(json);
  if (!isObject(value)) throw new Error('a member of a stored stream is no object');
  return value;
}
