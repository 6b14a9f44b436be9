import { createSseDecoder, type SseDecoder, type SseItem } from '@tailrace/protocol';
import type { BatchReceiver } from '../../domain/batches.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { parseForeignJson } from '../../domain/json.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import { nameOf } from '../../telemetry/wording.ts';
import type { AnswerBody, BytesReceiver } from '../../transport/answer-body.ts';
import { createGatheredBytes } from '../../transport/gathered-bytes.ts';
import { answerTooLarge } from '../shared/answer-budget.ts';
import { answerBeyondBounds, eventBeyondBounds } from '../shared/answer-json.ts';
import type { BatchReader } from '../shared/lazy-stream.ts';
import { eventTooLarge } from '../shared/malformed-events.ts';
import { createFastPath, type FastPath } from './fast-path.ts';
import { createNormaliser, type Normaliser, type NormaliserOptions } from './normaliser.ts';

export interface StreamOptions extends NormaliserOptions {
  /** One event of the upstream. */
  readonly maxEventBytes: number;
  /** How long the last finish waits for its usage, in milliseconds. */
  readonly usageWaitMs: number;
  /** Of the answer, as its header says. */
  readonly contentType: string;
  /** Called once, when the body has been let go. */
  readonly onClosed?: () => void;
}

/** A whole completion where a stream was asked for: it is read in one turn of the loop, 16 MiB of it in 0.5 s. */
const maxCompletionBytes = 4 * 1024 * 1024;

/**
 * The body of a 200 as batches of events, one a read; comments make none. It ends with the last finish or
 * with `failed`, or with neither when `signal` is aborted. A whole answer lets its connection go for the next
 * request; in any other case the end, or `close()`, returns the body.
 */
export function readAnswer(body: AnswerBody, options: StreamOptions, signal: AbortSignal): BatchReader {
  return new AnswerReader(body, options, signal);
}

/** One object, with no function of its own: what an event touches is what it costs (decisions/0006). */
class AnswerReader implements BatchReader, BytesReceiver {
  private readonly body: AnswerBody;
  private readonly fastPath: FastPath;
  /** Whether deltas may be read without the decoder and the normaliser, as they were left. */
  private plain = false;
  private over = false;
  /** Every choice has finished, and the usage is yet to come. */
  private owed = false;
  private waiting: BatchReceiver | undefined;

  private readonly options: StreamOptions;
  private readonly signal: AbortSignal;
  private readonly normaliser: Normaliser;
  private readonly decoder: SseDecoder;
  private events: StreamEvent[] = [];
  private alive = false;
  private begun = false;
  private closed = false;
  private patience: NodeJS.Timeout | undefined;

  constructor(body: AnswerBody, options: StreamOptions, signal: AbortSignal) {
    this.body = body;
    this.options = options;
    this.signal = signal;
    this.fastPath = createFastPath(options.maxEventBytes);
    this.normaliser = createNormaliser(options, (event) => this.events.push(event));
    this.decoder = createSseDecoder({ maxEventBytes: options.maxEventBytes }, (item) => this.onItem(item));
    if (signal.aborted) this.over = true;
    else signal.addEventListener('abort', this.onAbort);
  }

  pull(receiver: BatchReceiver): void {
    this.waiting = receiver;
    this.proceed();
  }

  bytes(buffer: Buffer, from: number, to: number): void {
    let batch: EventBatch | undefined;
    try {
      batch = this.take(buffer, from, to);
    } catch (bug) {
      this.tellBug(bug);
      return;
    }
    if (batch !== dealtWith) this.tell(batch);
  }

  ended(reason: Failure | undefined): void {
    this.over = true;
    let batch: EventBatch | undefined;
    try {
      if (!this.signal.aborted) {
        this.decoder.end();
        this.normaliser.end(reason);
        this.settle();
      }
      batch = this.batchNow();
    } catch (bug) {
      this.tellBug(bug);
      return;
    }
    this.tell(batch);
  }

  async close(): Promise<void> {
    this.over = true;
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.patience);
    this.signal.removeEventListener('abort', this.onAbort);
    await this.body.return();
    this.options.onClosed?.();
  }

  private readonly onAbort = () => {
    this.over = true;
  };

  /** What one read brought; undefined where nothing was a sign of life. */
  private take(buffer: Buffer, from: number, to: number): EventBatch | undefined {
    let at = from;
    if (this.plain) {
      at += this.fastPath.read(buffer, from, to);
      // Nothing but deltas: then nothing else has changed.
      if (at === to) return this.fastPath.batch;
      if (at > from) this.events = this.fastPath.batch;
    } else if (!this.begun && !this.begin(buffer, from, to)) return dealtWith;
    this.decoder.push(buffer.subarray(at, to));
    this.plain = this.decoder.between && this.normaliser.isPlain(this.fastPath.choice);
    this.settle();
    return this.batchNow();
  }

  private batchNow(): EventBatch | undefined {
    if (this.events.length === 0 && !this.alive) return undefined;
    const batch = this.events;
    this.events = [];
    this.alive = false;
    return batch;
  }

  /** What follows from the state that the normaliser is in now. */
  private settle(): void {
    const { normaliser, body } = this;
    this.owed = normaliser.held;
    if (normaliser.ended !== undefined) this.over = true;
    if (normaliser.ended === 'whole') body.release();
  }

  /** Hands a batch to the receiver that waits; without one, reads on. */
  private tell(batch: EventBatch | undefined): void {
    if (batch === undefined) {
      this.proceed();
      return;
    }
    const receiver = this.waiting;
    this.waiting = undefined;
    receiver?.batch(batch);
  }

  private tellBug(bug: unknown): void {
    const receiver = this.waiting;
    this.waiting = undefined;
    receiver?.broke(bug);
  }

  private proceed(): void {
    if (this.over) {
      this.finish();
      return;
    }
    if (this.owed) this.waitForUsage();
    this.body.pull(this);
  }

  /** Counted from where it is read for: while a slow client holds us back it may have come long ago. */
  private waitForUsage(): void {
    // The pending read ends, and with it the wait: what was said is whole without the usage.
    this.patience ??= setTimeout(() => this.body.release(), this.options.usageWaitMs);
  }

  private finish(): void {
    this.close().then(
      () => {
        const receiver = this.waiting;
        this.waiting = undefined;
        receiver?.end();
      },
      (bug: unknown) => this.tellBug(bug),
    );
  }

  private onItem(item: SseItem): void {
    const { normaliser } = this;
    if (normaliser.ended !== undefined) return;
    switch (item.type) {
      case 'event':
        if (item.data.trim() === '[DONE]') normaliser.end();
        else if (item.event === 'error') this.onEvent(item.data, true);
        else if (item.data.trim() !== '') this.onEvent(item.data, false);
        return;
      case 'incomplete':
        if (item.data.trim() === '[DONE]') normaliser.end();
        return;
      case 'malformed':
        normaliser.malformed(item.data);
        return;
      case 'too-large':
        normaliser.fail(eventTooLarge(item.maxEventBytes));
        return;
      case 'comment':
      case 'retry':
    }
  }

  private onEvent(data: string, isError: boolean): void {
    const { normaliser, events } = this;
    const tooLarge = eventBeyondBounds(data);
    if (tooLarge !== undefined) {
      normaliser.fail(tooLarge);
      return;
    }
    const parsed = parse(data);
    if (isError) {
      normaliser.error(parsed?.value ?? data);
      return;
    }
    if (parsed === undefined) {
      normaliser.malformed(data);
      return;
    }
    const before = events.length;
    this.alive = true;
    normaliser.chunk(parsed.value, data);
    const only = events.length === before + 1 ? events[before] : undefined;
    if (only?.type === 'text-delta' && normaliser.isPlain(only.choice)) this.fastPath.learn(data, only);
  }

  /** The first read tells whether it is a stream at all; false where it is not, and dealt with. */
  private begin(buffer: Buffer, from: number, to: number): boolean {
    this.begun = true;
    if (/^text\/event-stream\b/i.test(this.options.contentType)) return true;
    const bytes = Buffer.from(buffer.subarray(from, to));
    const kind = kindOf(bytes);
    if (kind === 'stream') return true;
    const whole = kind === 'json' ? collect(bytes, this.body) : Promise.resolve(undefined);
    whole
      .then((answer) => {
        const stopped = this.over;
        this.over = true;
        this.tell(stopped ? undefined : this.completionEvents(answer));
      })
      .catch((bug: unknown) => this.tellBug(bug));
    return false;
  }

  /** A completion that came as one JSON object goes the way of a chunk that says everything. */
  private completionEvents(answer: string | Failure | undefined): EventBatch {
    const { normaliser, options } = this;
    if (typeof answer === 'object') {
      normaliser.fail(answer);
      return this.events;
    }
    const parsed = answer === undefined ? undefined : parse(answer);
    const value = parsed?.value;
    const isObject = typeof value === 'object' && value !== null;
    if (isObject && 'error' in value && value.error !== null) {
      // Under a 200 it is no answer to anything, unless it says itself what it is.
      normaliser.error(value, 200);
    } else if (isObject && 'choices' in value) {
      normaliser.chunk(value, answer);
      normaliser.end();
    } else {
      normaliser.fail(
        failure('upstream_protocol', 'The upstream did not answer with a stream.', {
          detail: `content type ${nameOfType(options.contentType)}`,
        }),
      );
    }
    return this.events;
  }
}

function nameOfType(contentType: string): string {
  const [type = ''] = contentType.split(';', 1);
  return contentType === '' ? 'absent' : nameOf(type.trim());
}

/** Returned by a read whose batch another call hands over later. */
const dealtWith: EventBatch = [];

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseForeignJson(text) };
  } catch {
    return undefined;
  }
}

/** What a body of some other content type turns out to be; servers that name none are common. */
function kindOf(bytes: Uint8Array): 'stream' | 'json' | 'other' {
  const start = Buffer.from(bytes.subarray(0, 256))
    .toString('utf8')
    .replace(/^\ufeff/, '');
  if (/^\s*[{[]/.test(start)) return 'json';
  return /^\s*(?:data|event|id|retry)?:/.test(start) ? 'stream' : 'other';
}

/** The rest of a body as text, or why it is not parsed; undefined where it is cut or not UTF-8. */
async function collect(first: Uint8Array, body: AnswerBody): Promise<string | Failure | undefined> {
  const gathered = createGatheredBytes();
  gathered.add(first);
  for (let read = await body.next(); ; read = await body.next()) {
    if (read.done === true) {
      if (read.value !== undefined) return undefined;
      const tooLarge = answerBeyondBounds(gathered.bytes());
      if (tooLarge !== undefined) return tooLarge;
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(gathered.bytes());
      } catch {
        return undefined;
      }
    }
    gathered.add(read.value);
    if (gathered.length > maxCompletionBytes) {
      return answerTooLarge(`a JSON answer over ${maxCompletionBytes} bytes`);
    }
  }
}
