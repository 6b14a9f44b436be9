import type { ServerResponse } from 'node:http';
import type { StreamView } from '../../journal/contract.ts';
import type { TimerQueue } from '../../timers/timer-queue.ts';
import type { AnswerHeaders, Exchange } from '../exchange.ts';
import { namesTag } from '../names-tag.ts';
import { replyFailure } from '../reply.ts';
import { watchStalledClient } from '../stalled-client.ts';
import { cachedByClient, entityTag, jsonType, notCached, stateAt, stateHeaders } from './answer-headers.ts';
import { type CursorDeps, nextCursor } from './cursor.ts';
import { type MessageRange, messagesAfter, refusalOf, tailOf } from './messages.ts';
import type { DurableAsk } from './read-ask.ts';
import { StreamWatch } from './stream-watch.ts';

export interface SendDeps extends CursorDeps {
  readonly timers: TimerQueue;
}

/**
 * Answers a catch-up or a long-poll read: one JSON array of the messages behind number `after`, at most about a megabyte of
 * them. A long-poll at the tail of a stream that runs waits for the next message; where none comes it is 204.
 */
export async function sendMessages(
  exchange: Exchange,
  view: StreamView,
  after: number,
  { offset, live, cursor }: DurableAsk,
  deps: SendDeps,
): Promise<void> {
  const { request, response } = exchange;
  const polls = live === 'long-poll';
  const watch = new StreamWatch(view, response, deps.timers);
  try {
    if (polls) await waitForMessage(watch, view, after, deps.timers);
    if (response.destroyed) return;
    const refusal = refusalOf(view);
    if (refusal !== undefined) return await replyFailure(exchange, refusal);
    const range = await messagesAfter(view, after, maxBytes);
    if (!range.ok) return await replyFailure(exchange, range.failure);

    const state = stateAt(view, range.value.last);
    const headers: AnswerHeaders = {
      ...exchange.headers,
      ...stateHeaders(state),
      'cache-control': offset === 'now' ? notCached : cachedByClient,
      // A client of a closed stream does not come again.
      ...(polls && !state.closed ? { 'stream-cursor': String(nextCursor(deps, cursor)) } : {}),
    };
    if (polls && range.value.last === after) {
      response.writeHead(204, headers).end();
      return;
    }
    if (offset !== 'now') {
      const tag = entityTag(view.facts.id, after, state);
      headers['etag'] = tag;
      if (namesTag(request.headers['if-none-match'], tag)) {
        response.writeHead(304, headers).end();
        return;
      }
    }
    response.writeHead(200, {
      ...headers,
      'content-type': jsonType,
      'content-length': String(arrayBytes(range.value)),
    });
    watchStalledClient(response, exchange.clientWriteMs).arm();
    await writeArray(response, range.value, watch);
  } finally {
    watch.end();
  }
}

/** Waits at the tail of a stream that runs until there is more to say, the time is over, or the client has left. */
async function waitForMessage(
  watch: StreamWatch,
  view: StreamView,
  after: number,
  { now }: TimerQueue,
): Promise<void> {
  const untilMs = now() + longPollMs;
  while (tailOf(view) <= after && view.ending === undefined && view.broken === undefined) {
    const woken = await watch.wait(Math.max(0, untilMs - now()));
    if (woken !== 'changed') return;
  }
}

/** Writes the messages piece by piece, at the pace of the client. A body that cannot become whole ends in a reset. */
async function writeArray(response: ServerResponse, range: MessageRange, watch: StreamWatch): Promise<void> {
  let piece = '[';
  for (let number = range.after + 1; number <= range.last; number += 1) {
    const payload = range.payload(number);
    if (payload === undefined) {
      response.socket?.resetAndDestroy();
      return;
    }
    piece += number === range.last ? payload : `${payload},`;
    if (piece.length < pieceBytes) continue;
    if (!response.write(piece, 'latin1')) await watch.drained();
    if (response.destroyed) return;
    piece = '';
  }
  response.end(`${piece}]`, 'latin1');
}

/** The brackets, the payloads, and the commas between them. */
function arrayBytes({ after, last, bytes }: MessageRange): number {
  return bytes + 2 + Math.max(0, last - after - 1);
}

const longPollMs = 20_000;
/** Of the payloads in one answer. A client with more to read comes again. */
const maxBytes = 1024 * 1024;
/** What one client that does not read keeps in memory, besides one message. */
const pieceBytes = 64 * 1024;
