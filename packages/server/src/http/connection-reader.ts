import type { StreamConfig } from '../config/config.ts';
import { causeOfBug } from '../domain/cause.ts';
import type { Failure } from '../domain/failure.ts';
import type { Head, Reader } from '../relay/reader.ts';
import type { RunOutcome } from '../relay/run-outcome.ts';
import type { Instruments } from '../telemetry/contract.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { Framing } from '../wire/contract.ts';
import type { AddedTime } from './added-time.ts';
import type { AnswerHeaders, Exchange } from './exchange.ts';
import { headersOf } from './head-headers.ts';
import { createJsonReader, type JsonReaderOwner } from './json-reader.ts';
import { replyFailure, replyJson } from './reply.ts';
import { createSseReader, type SseReaderOwner } from './sse-reader.ts';

/** The connection of one request as the reader of its run. */
export interface ConnectionReader {
  readonly reader: Reader;
  /**
   * Once the reader gets nothing more: resolves when the connection has all of its answer, or is closed. `failure`: why there
   * is none, for a reader that was not told.
   */
  close(end: Pick<RunOutcome, 'failure'>): Promise<void>;
}

/** How a connection wants its answer. */
export interface ConnectionForm {
  /** Undefined for an answer of one body. */
  readonly framing: Framing | undefined;
  /** The events have `id:` lines, and this is the number before the first one. Absent: they have none. */
  readonly idsAfter?: number;
  /** Of the request that began the answer. */
  readonly added?: AddedTime | undefined;
}

/** What the readers of all connections share. */
export interface ReaderSurroundings {
  readonly settings: StreamConfig;
  readonly timers: TimerQueue;
  readonly instruments: Pick<Instruments, 'gapMs' | 'resumes'>;
}

export function createConnectionReader(
  exchange: Exchange,
  form: ConnectionForm,
  surroundings: ReaderSurroundings,
): ConnectionReader {
  return new HttpConnectionReader(exchange, form, surroundings);
}

class HttpConnectionReader implements ConnectionReader, SseReaderOwner, JsonReaderOwner {
  readonly reader: Reader;
  private readonly exchange: Exchange;
  /** The refusal or body that is being written. */
  private reply: Promise<void> | undefined;

  constructor(
    exchange: Exchange,
    { framing, idsAfter, added }: ConnectionForm,
    { settings, timers, instruments }: ReaderSurroundings,
  ) {
    const { response, clientWriteMs } = exchange;
    this.exchange = exchange;
    this.reader =
      framing === undefined
        ? createJsonReader(this)
        : createSseReader({
            ...{ response, framing, idsAfter, settings, clientWriteMs },
            ...{ owner: this, now: timers.now, timers, gaps: instruments.gapMs, added },
          });
  }

  async close({ failure: reason }: Pick<RunOutcome, 'failure'>): Promise<void> {
    await this.reply;
    const { response } = this.exchange;
    // A bug kept the reader from ending the answer: the client must not wait for more, nor take a part for the whole.
    if (response.writableEnded || response.destroyed) return;
    if (response.headersSent || reason === undefined) response.socket?.resetAndDestroy();
    else await replyFailure(this.exchange, reason);
  }

  refuse(reason: Failure): void {
    this.writing(replyFailure(this.exchange, reason));
  }

  answer(head: Head, body: string): void {
    Object.assign(this.exchange.headers, this.headers(head));
    this.writing(replyJson(this.exchange, 200, body));
  }

  headers(head: Head | undefined): AnswerHeaders {
    const { headers } = this.exchange;
    return head === undefined ? headers : { ...headers, ...headersOf(head) };
  }

  onBug(error: unknown): void {
    const { notes } = this.exchange;
    notes.code = 'internal_error';
    Object.assign(notes, causeOfBug(error));
  }

  private writing(reply: Promise<void>): void {
    this.reply = reply;
    // `close` awaits it, maybe later than it rejects: until then the rejection must not count as unhandled.
    reply.catch(() => {});
  }
}
