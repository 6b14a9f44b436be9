import type { ServerResponse } from 'node:http';
import { sseKeepalive } from '@tailrace/protocol';
import type { StreamConfig } from '../../config/config.ts';
import type { StreamView } from '../../journal/contract.ts';
import type { Exchange } from '../exchange.ts';
import { replyFailure } from '../reply.ts';
import { type StalledClientWatch, watchStalledClient } from '../stalled-client.ts';
import { eventStreamType, type ReadState, stateAt } from './answer-headers.ts';
import { nextCursor } from './cursor.ts';
import { type MessageRange, messagesAfter, refusalOf, tailOf } from './messages.ts';
import type { SendDeps } from './send-messages.ts';
import { StreamWatch } from './stream-watch.ts';

export interface SseDeps extends SendDeps {
  readonly settings: Pick<StreamConfig, 'keepalive' | 'keepaliveAfterMs'>;
}

/**
 * Answers a live read as server-sent events (section 5.8 of the Durable Streams protocol), from the message behind number `after`
 * on: an event `data` for what is there, an event `control` behind it, and the next two as soon as more comes.
 *
 * The answer ends when the stream is closed; after a minute, so that clients behind a cache can share a connection again; and
 * where nothing more can be read. It always ends behind an event `control`. A client that has not seen the stream closed comes
 * again with the offset in that event, and gets the reason as an HTTP error, which an event could not give it.
 */
export async function sendSse(
  exchange: Exchange,
  view: StreamView,
  after: number,
  ofClient: number | undefined,
  deps: SseDeps,
): Promise<void> {
  const refusal = refusalOf(view);
  if (refusal !== undefined) return await replyFailure(exchange, refusal);
  const watch = new StreamWatch(view, exchange.response, deps.timers);
  try {
    const first = await messagesAfter(view, after, eventBytes);
    if (!first.ok) return await replyFailure(exchange, first.failure);
    exchange.response.writeHead(200, {
      ...exchange.headers,
      'content-type': eventStreamType,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    await new SseAnswer(exchange, view, watch, ofClient, deps).send(first.value);
  } finally {
    watch.end();
  }
}

/** The body of one such answer. */
class SseAnswer {
  private readonly response: ServerResponse;
  private readonly view: StreamView;
  private readonly watch: StreamWatch;
  private readonly deps: SseDeps;
  private readonly stalled: StalledClientWatch;
  private readonly silenceMs: number;
  private readonly endMs: number;
  private cursor: number;

  constructor(
    { response, clientWriteMs }: Exchange,
    view: StreamView,
    watch: StreamWatch,
    ofClient: number | undefined,
    deps: SseDeps,
  ) {
    const { settings, timers } = deps;
    this.response = response;
    this.view = view;
    this.watch = watch;
    this.deps = deps;
    this.stalled = watchStalledClient(response, clientWriteMs);
    this.silenceMs = settings.keepalive === 'off' ? connectionMs : settings.keepaliveAfterMs;
    this.endMs = timers.now() + connectionMs;
    this.cursor = nextCursor(deps, ofClient);
  }

  async send(first: MessageRange): Promise<void> {
    let range = first;
    for (;;) {
      const state = stateAt(this.view, range.last);
      const data = dataEvent(range);
      // The journal has dropped one of them meanwhile.
      if (data === undefined) break;
      const events = data + this.controlEvent(state);
      if (state.closed) {
        this.end(events);
        return;
      }
      await this.write(events);
      if (!(await this.moreCame(range.last))) break;
      const next = await messagesAfter(this.view, range.last, eventBytes);
      if (!next.ok) break;
      range = next.value;
    }
    this.end('');
  }

  /** Waits until there is more to say than up to message `last`, with keepalives. False where this answer ends before. */
  private async moreCame(last: number): Promise<boolean> {
    const { view, response, endMs } = this;
    const { timers } = this.deps;
    for (;;) {
      const leftMs = endMs - timers.now();
      if (leftMs <= 0 || response.destroyed || refusalOf(view) !== undefined) return false;
      if (tailOf(view) > last || view.ending !== undefined) return true;
      const woken = await this.watch.wait(Math.min(leftMs, this.silenceMs));
      if (woken === 'late' && timers.now() < endMs) await this.write(sseKeepalive);
    }
  }

  private controlEvent({ nextOffset, upToDate, closed }: ReadState): string {
    // Within one answer it only grows, also where the client's own was ahead of the clock.
    this.cursor = Math.max(this.cursor, nextCursor(this.deps, undefined));
    const control = {
      streamNextOffset: nextOffset,
      ...(closed ? {} : { streamCursor: String(this.cursor) }),
      ...(upToDate ? { upToDate } : {}),
      ...(closed ? { streamClosed: true } : {}),
    };
    return `event: control\ndata:${JSON.stringify(control)}\n\n`;
  }

  private async write(text: string): Promise<void> {
    if (this.response.write(text, 'latin1')) return;
    this.stalled.arm();
    await this.watch.drained();
    this.stalled.disarm();
  }

  private end(text: string): void {
    this.stalled.arm();
    this.response.end(text, 'latin1');
  }
}

/**
 * A JSON array over several lines; empty where the range is. No space follows `data:`, as in the protocol's own server: its
 * conformance tests know only this form. Undefined where a message is not kept any more.
 */
function dataEvent({ after, last, payload }: MessageRange): string | undefined {
  if (last === after) return '';
  let event = 'event: data\ndata:[';
  for (let number = after + 1; number <= last; number += 1) {
    const message = payload(number);
    if (message === undefined) return undefined;
    event += number === last ? message : `${message},\ndata:`;
  }
  return `${event}]\n\n`;
}

const connectionMs = 60_000;
/** Of the payloads in one event: what a client that does not read keeps in memory. */
const eventBytes = 64 * 1024;
