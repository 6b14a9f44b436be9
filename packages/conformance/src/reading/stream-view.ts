/*
 * A stream as a tolerant client reads it: whatever can be understood is joined, and nothing is judged here. `@tailrace/protocol`'s checker
 * reads Tailrace's own form only, and says less about the streams of other servers.
 */
import { createSseDecoder, type SseItem } from '@tailrace/protocol';
import type { Exchange } from '../wire/exchange.ts';
import { bodyBytes, isObject, type JsonObject, objectsIn, parseJson } from './body.ts';

export interface SeenEvent {
  /** The first `data:` event is 1; comments do not count. */
  readonly number: number;
  /** The name of a named event, else `message`. */
  readonly event: string;
  readonly data: string;
  /** Undefined where the data is no JSON object. */
  readonly json: JsonObject | undefined;
}

/** A delta or a finish of one choice, in the order of the stream. */
export interface SeenDelta {
  readonly event: number;
  readonly index: number;
  readonly delta: JsonObject;
  readonly finishReason: unknown;
}

export interface SeenCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface SeenChoice {
  readonly index: number;
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly SeenCall[];
  /** Each non-null finish reason, with its event. */
  readonly finishes: readonly { readonly event: number; readonly reason: unknown }[];
}

export interface StreamView {
  readonly bytes: Uint8Array;
  readonly items: readonly SseItem[];
  readonly events: readonly SeenEvent[];
  /** The events that have choices or usage: neither `[DONE]` nor an error. */
  readonly chunks: readonly SeenEvent[];
  readonly deltas: readonly SeenDelta[];
  /** By index. */
  readonly choices: readonly SeenChoice[];
  /** Each usage that is not null. */
  readonly usages: readonly { readonly event: number; readonly usage: JsonObject }[];
  readonly errors: readonly SeenEvent[];
  readonly done: SeenEvent | undefined;
}

const views = new WeakMap<Exchange, StreamView>();

/** Reads the body of an exchange as a stream; the result is kept with the exchange. */
export function viewOf(exchange: Exchange): StreamView {
  const known = views.get(exchange);
  if (known !== undefined) return known;
  const view = readStream(bodyBytes(exchange) ?? Buffer.alloc(0));
  views.set(exchange, view);
  return view;
}

export function readStream(bytes: Uint8Array): StreamView {
  const items: SseItem[] = [];
  const decoder = createSseDecoder({}, (item) => items.push(item));
  decoder.push(bytes);
  decoder.end();
  const events = items
    .filter((item) => item.type === 'event')
    .map((item, at): SeenEvent => {
      const json = parseJson(item.data);
      return { number: at + 1, event: item.event, data: item.data, json: isObject(json) ? json : undefined };
    });
  const errors = events.filter(isError);
  const chunks = events.filter((one) => one.json !== undefined && !isError(one));
  const deltas = chunks.flatMap(deltasOf);
  return {
    bytes,
    items,
    events,
    chunks,
    deltas,
    choices: joinChoices(deltas),
    usages: chunks.flatMap(({ number, json }) => {
      const usage = json?.['usage'];
      return isObject(usage) ? [{ event: number, usage }] : [];
    }),
    errors,
    done: events.find(({ data }) => data.trim() === '[DONE]'),
  };
}

function isError({ json, event }: Pick<SeenEvent, 'json' | 'event'>): boolean {
  const error = json?.['error'];
  return (error !== undefined && error !== null) || (event === 'error' && json?.['choices'] === undefined);
}

function deltasOf({ number, json }: SeenEvent): readonly SeenDelta[] {
  return objectsIn(json?.['choices']).map((choice) => ({
    event: number,
    index: typeof choice['index'] === 'number' ? choice['index'] : 0,
    delta: isObject(choice['delta']) ? choice['delta'] : {},
    finishReason: choice['finish_reason'] ?? null,
  }));
}

function joinChoices(deltas: readonly SeenDelta[]): readonly SeenChoice[] {
  const byIndex = Map.groupBy(deltas, ({ index }) => index);
  return [...byIndex]
    .sort(([a], [b]) => a - b)
    .map(([index, own]) => ({
      index,
      content: joined(own, 'content'),
      reasoning: joined(own, 'reasoning_content') + joined(own, 'reasoning'),
      calls: joinCalls(own),
      finishes: own
        .filter(({ finishReason }) => finishReason !== null)
        .map(({ event, finishReason }) => ({ event, reason: finishReason })),
    }));
}

function joined(deltas: readonly SeenDelta[], field: string): string {
  return deltas.map(({ delta }) => (typeof delta[field] === 'string' ? delta[field] : '')).join('');
}

/** A piece of a tool call, with the event it came in. */
export interface SeenPiece {
  readonly event: number;
  readonly piece: JsonObject;
  readonly fn: JsonObject;
}

/** The pieces of one choice's calls, in the order of the stream. */
export function callPieces(deltas: readonly SeenDelta[]): readonly SeenPiece[] {
  return deltas.flatMap(({ event, delta }) =>
    objectsIn(delta['tool_calls']).map((piece) => ({
      event,
      piece,
      fn: isObject(piece['function']) ? piece['function'] : {},
    })),
  );
}

function joinCalls(deltas: readonly SeenDelta[]): readonly SeenCall[] {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const byIndex = Map.groupBy(callPieces(deltas), ({ piece }) => piece['index']);
  return [...byIndex.values()].map((pieces) => ({
    id: pieces.map(({ piece }) => text(piece['id'])).find((id) => id !== '') ?? '',
    name: pieces.map(({ fn }) => text(fn['name'])).join(''),
    arguments: pieces.map(({ fn }) => text(fn['arguments'])).join(''),
  }));
}
