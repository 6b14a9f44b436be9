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
import { asText } from '../unknown-json.ts';
import type { Dialect, DialectOutput } from './dialect.ts';
import { createTranslation, type Translation } from './translation.ts';
import { type AnswerKind, blankBytes, kindOfAnswer, readWholeAnswer } from './whole-answer.ts';

/** What an answer stream needs for one request to a provider. */
export interface ProviderCall {
  readonly transport: Pick<Transport, 'post'>;
  /** The largest event that is read, in bytes. */
  readonly maxEventBytes: number;
  /**
   * How long the finishes are held for a usage or more output, in milliseconds; each event restarts the time (contract, section
   * 7).
   */
  readonly finishWaitMs: number;
  /** The same time for an answer of which an earlier finish was wrong (the state `repeated`). */
  readonly repeatedFinishWaitMs: number;
  /** Makes the request. A failure becomes the only event of the stream. Called once, by the first pull. */
  request(): Result<PostRequest>;
  /** Called when the head of the answer has come. The names of headers are in lower case. */
  answered?(headers: WireAnswer['headers']): void;
  /** Creates the dialect that reads this answer. */
  dialect(output: DialectOutput): Dialect;
  /** Makes the failure of an answer that is no event stream. */
  refused(refusal: Refusal): Failure;
  /** Called once, when everything of the call is released; not called where {@link request} was not. */
  closed?(): void;
}

/**
 * Asks a provider once, at the first pull, and reads its answer, for every dialect. Each pull gets the events of one read of
 * the socket; where a read holds no event, the same pull waits for the next read.
 *
 *     idle ──pull──▶ asking ──2xx──▶ reading ──finish reasons──▶ holding ──last event, 2 s──▶ over
 *                      └─refusal─▶ over  │ ▲────── output ───────────┘
 *                                        └─error, cut─▶ over
 *
 * After a whole answer the connection serves the next request. A torn answer, an abort or an early `close()` destroys the
 * connection. Promises are made for the request only, not for events.
 */
export function openAnswerStream(call: ProviderCall, signal: AbortSignal): EventStream {
  return new AnswerStream(call, signal);
}

/** One object, without closures made for a read: an event costs as much as the objects that it touches (decisions/0006). */
class AnswerStream implements EventStream, BytesReceiver {
  private readonly call: ProviderCall;
  private readonly signal: AbortSignal;
  /**
   * Aborts a request whose answer has not begun: set from the request to the head of its answer. `close()` aborts such a
   * request too, and cannot abort the caller's `signal`. Once the head has come, the body's `return()` ends the answer.
   */
  private stop: AbortController | undefined;
  private receiver: BatchReceiver | undefined;
  private asked = false;
  private body: AnswerBody | undefined;
  /** For the log of an answer that is no event stream; empty once it is known to be one. */
  private contentType = '';
  private translation: Translation | undefined;
  /** The first bytes of the answer, while they do not show its kind. White space before them is dropped. */
  private head: Buffer = noBytes;
  /** True where the content type is that of an event stream. */
  private saysStream = false;
  /** True once the answer is known to be an event stream. */
  private streams = false;
  private finishTimer: NodeJS.Timeout | undefined;
  /** True once nothing more is read. */
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
    clearTimeout(this.finishTimer);
    this.signal.removeEventListener('abort', this.onAbort);
    this.stop?.abort();
    await this.body?.return();
    if (this.asked) this.call.closed?.();
  }

  bytes(buffer: Buffer, from: number, to: number): void {
    let batch: EventBatch | undefined;
    try {
      if (this.streams) batch = this.translation?.push(buffer, from, to);
      else {
        const head = this.headWith(buffer.subarray(from, to));
        const kind = kindOfAnswer(head, this.saysStream);
        if (kind === 'json' || kind === 'other') {
          this.readWhole(kind, Buffer.from(head)).catch((bug: unknown) => this.breakPull(bug));
          return;
        }
        if (kind === 'stream') {
          this.streams = true;
          this.head = noBytes;
          this.contentType = '';
          batch = this.translation?.push(head);
        } else this.head = Buffer.from(head);
      }
      if (this.finishTimer !== undefined && batch !== undefined) this.stopFinishTimer();
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
      // An abort ends the body too, and then no event is emitted.
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
    this.stop?.abort();
    this.body?.return().catch((bug: unknown) => this.breakPull(bug));
  };

  private async ask(): Promise<void> {
    const { call } = this;
    this.asked = true;
    const stop = new AbortController();
    this.stop = stop;
    const request = call.request();
    const posted = request.ok ? await call.transport.post(request.value, stop.signal) : request;
    this.stop = undefined;
    if (!posted.ok) {
      await this.refuse(posted.failure);
      return;
    }
    const { status, headers, body } = posted.value;
    this.body = body;
    if (this.over) {
      // Too late for `close()` or an abort to return it.
      await body.return();
      this.endPull();
      return;
    }
    call.answered?.(headers);
    this.contentType = asText(headers['content-type']);
    this.saysStream = /^\s*text\/event-stream\b/i.test(this.contentType);
    // JSON in lines is read as an event stream whose lines have no field.
    this.streams = linesType.test(this.contentType);
    const translation = status >= 200 && status < 300 ? createTranslation(call) : undefined;
    if (translation !== undefined && (this.saysStream || translation.takesWhole)) {
      this.translation = translation;
      this.read();
    } else await this.refuse(call.refused(await readRefusal(posted.value)));
  }

  /** Ends the stream with one failure, or without an event where the call was aborted meanwhile. */
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
    // The wait begins at this pull and not at the last finish. If a slow client delayed the pull, the usage may already be in
    // the socket's buffer. The timer releases the body, which ends the pending read.
    const held = this.translation?.held;
    if (held !== undefined) {
      const waitMs = held === 'held' ? this.call.finishWaitMs : this.call.repeatedFinishWaitMs;
      this.finishTimer ??= setTimeout(() => body.release(), waitMs);
    }
    body.pull(this);
  }

  private stopFinishTimer(): void {
    clearTimeout(this.finishTimer);
    this.finishTimer = undefined;
  }

  /** The first bytes of the answer, followed by these. */
  private headWith(bytes: Buffer): Buffer {
    return this.head.length === 0 ? bytes.subarray(blankBytes(bytes)) : Buffer.concat([this.head, bytes]);
  }

  /** Reads an answer that came as one JSON text although a stream was requested. */
  private async readWhole(kind: AnswerKind, first: Buffer): Promise<void> {
    const { body, translation } = this;
    if (body === undefined || translation === undefined) return;
    const text = kind === 'json' ? await readWholeAnswer(first, body) : undefined;
    const aborted = this.over;
    this.over = true;
    this.answerPull(aborted ? undefined : translation.pushWhole(text, nameOfType(this.contentType)));
  }

  /** Ends the reading where the translation has emitted the last event. */
  private settle(): void {
    const ended = this.translation?.ended;
    if (ended === undefined) return;
    this.over = true;
    if (ended === 'whole') this.body?.release();
  }

  /** Hands a batch to the receiver of the pull; undefined: reads again. */
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

const noBytes = Buffer.alloc(0);
const linesType = /^\s*(?:application|text)\/(?:x-)?(?:ndjson|jsonl|json-?lines|jsonlines)\b/i;

/** The media type of an answer for the log. */
function nameOfType(contentType: string): string {
  const [type = ''] = contentType.split(';', 1);
  return contentType === '' ? 'absent' : nameOf(type.trim());
}
