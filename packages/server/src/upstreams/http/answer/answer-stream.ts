import type { BatchReceiver } from '../../../domain/batches.ts';
import type { Failure, Result } from '../../../domain/failure.ts';
import type { EventBatch } from '../../../domain/stream-event.ts';
import { nameOf } from '../../../telemetry/wording.ts';
import type { AnswerBody, BytesReceiver } from '../../../transport/answer-body.ts';
import type { WireAnswer } from '../../../transport/connection.ts';
import type { PostRequest, Transport } from '../../../transport/transport.ts';
import type { EventStream } from '../../contract.ts';
import { readRefusal } from '../refusal/read-refusal.ts';
import type { Refusal } from '../refusal/refusal.ts';
import type { Dialect, DialectOutput } from './dialect.ts';
import { createTranslation, type Translation } from './translation.ts';
import { kindOfAnswer, readWholeAnswer } from './whole-answer.ts';

/** One request to a provider, as the reader of its answer needs it. */
export interface ProviderCall {
  readonly transport: Pick<Transport, 'post'>;
  /** Bytes of one event. */
  readonly maxEventBytes: number;
  /** How long finishes wait for the usage behind them, in milliseconds (contract, section 7). */
  readonly usageWaitMs: number;
  /** The request, or why it cannot be made: then that is the only event. Called once, by the first pull. */
  request(): Result<PostRequest>;
  /** The answer has begun; its headers have names in lower case. */
  answered?(headers: WireAnswer['headers']): void;
  dialect(output: DialectOutput): Dialect;
  /** The failure of an answer that is no stream. */
  refused(refusal: Refusal): Failure;
  /** The call is over, and nothing of it is held any more. Called once, where {@link request} was. */
  closed?(): void;
}

/**
 * Asks a provider once, with the first pull, and reads its answer: the one reader of HTTP answers. Each pull brings
 * the events of one read of the socket; where a read brings none, the pull reads on.
 *
 *     idle ──pull──▶ asking ──200──▶ reading ──all finish reasons──▶ holding ──usage, 2 s──▶ over
 *                      └─refusal─▶ over   └─error, cut─▶ over
 *
 * A whole answer gives its connection back for the next request. In any other case the end, an abort or `close()`
 * destroys the connection. Asking takes promises; no event does.
 */
export function openAnswerStream(call: ProviderCall, signal: AbortSignal): EventStream {
  return new AnswerStream(call, signal);
}

/** One object, and no function made for a read: what an event touches is what it costs (decisions/0006). */
class AnswerStream implements EventStream, BytesReceiver {
  private readonly call: ProviderCall;
  private readonly signal: AbortSignal;
  /** `close()` has to end a request that is still on its way, so it needs an abort of its own. */
  private readonly stop = new AbortController();
  private receiver: BatchReceiver | undefined;
  private asked = false;
  private body: AnswerBody | undefined;
  private contentType = '';
  private translation: Translation | undefined;
  /** The answer is known to be an event stream. */
  private streams = false;
  private usageTimer: NodeJS.Timeout | undefined;
  /** Nothing more is read. */
  private over = false;
  private closed = false;

  constructor(call: ProviderCall, signal: AbortSignal) {
    this.call = call;
    this.signal = signal;
    if (signal.aborted) this.over = true;
    else signal.addEventListener('abort', this.onAbort);
  }

  pull(receiver: BatchReceiver): void {
    this.receiver = receiver;
    if (this.over) this.endPull();
    else if (this.asked) this.read();
    else this.ask().catch((bug: unknown) => this.breakPull(bug));
  }

  async close(): Promise<void> {
    this.over = true;
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.usageTimer);
    this.signal.removeEventListener('abort', this.onAbort);
    this.stop.abort();
    await this.body?.return();
    if (this.asked) this.call.closed?.();
  }

  bytes(buffer: Buffer, from: number, to: number): void {
    let batch: EventBatch | undefined;
    try {
      if (!this.streams && !this.isStream(buffer.subarray(from, to))) {
        this.readWhole(Buffer.from(buffer.subarray(from, to))).catch((bug: unknown) => this.breakPull(bug));
        return;
      }
      batch = this.translation?.push(buffer, from, to);
      this.settle();
    } catch (bug) {
      this.breakPull(bug);
      return;
    }
    this.answerPull(batch);
  }

  ended(cut: Failure | undefined): void {
    let batch: EventBatch | undefined;
    try {
      // Behind an abort the body ends too, and nothing is said about it.
      if (!this.over) batch = this.translation?.end(cut);
      this.over = true;
      this.settle();
    } catch (bug) {
      this.breakPull(bug);
      return;
    }
    this.answerPull(batch);
  }

  private readonly onAbort = () => {
    this.over = true;
    this.stop.abort();
  };

  private async ask(): Promise<void> {
    const { call } = this;
    this.asked = true;
    const request = call.request();
    const posted = request.ok ? await call.transport.post(request.value, this.stop.signal) : request;
    if (!posted.ok) {
      await this.refuse(posted.failure);
      return;
    }
    const { status, headers, body } = posted.value;
    this.body = body;
    call.answered?.(headers);
    const contentType = headers['content-type'];
    this.contentType = typeof contentType === 'string' ? contentType : '';
    this.streams = /^\s*text\/event-stream\b/i.test(this.contentType);
    const translation = status === 200 ? createTranslation(call) : undefined;
    if (translation !== undefined && (this.streams || translation.takesWhole)) {
      this.translation = translation;
      this.read();
    } else await this.refuse(call.refused(await readRefusal(posted.value)));
  }

  /** The answer is none; unless the call was aborted meanwhile, that is all there is to say. */
  private async refuse(reason: Failure): Promise<void> {
    const aborted = this.over;
    await this.close();
    this.answerPull(aborted ? undefined : [{ type: 'failed', failure: reason }]);
  }

  private read(): void {
    const { body } = this;
    if (this.over || body === undefined) {
      this.endPull();
      return;
    }
    // Counted from the pull on: while a slow client holds the pulls back, the usage may lie there unread. Without its
    // body the pending read ends, and with it the wait.
    if (this.translation?.holding === true) {
      this.usageTimer ??= setTimeout(() => body.release(), this.call.usageWaitMs);
    }
    body.pull(this);
  }

  private isStream(first: Uint8Array): boolean {
    this.streams = kindOfAnswer(first) === 'stream';
    return this.streams;
  }

  /** An answer that is no event stream, although a stream was asked for. */
  private async readWhole(first: Buffer): Promise<void> {
    const { body, translation } = this;
    if (body === undefined || translation === undefined) return;
    const text = kindOfAnswer(first) === 'json' ? await readWholeAnswer(first, body) : undefined;
    const aborted = this.over;
    this.over = true;
    this.answerPull(aborted ? undefined : translation.pushWhole(text, nameOfType(this.contentType)));
  }

  /** What follows from the state in which the translation is now. */
  private settle(): void {
    const ended = this.translation?.ended;
    if (ended === undefined) return;
    this.over = true;
    if (ended === 'whole') this.body?.release();
  }

  /** Hands a batch to the receiver of the pull; without one, reads on. */
  private answerPull(batch: EventBatch | undefined): void {
    if (batch === undefined) this.read();
    else this.takeReceiver()?.batch(batch);
  }

  private endPull(): void {
    this.close().then(
      () => this.takeReceiver()?.end(),
      (bug: unknown) => this.breakPull(bug),
    );
  }

  private breakPull(bug: unknown): void {
    this.takeReceiver()?.broke(bug);
  }

  private takeReceiver(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}

/** For the log. */
function nameOfType(contentType: string): string {
  const [type = ''] = contentType.split(';', 1);
  return contentType === '' ? 'absent' : nameOf(type.trim());
}
