import { createSseDecoder, type SseDecoder, type SseDecoderOptions, type SseItem } from '@tailrace/protocol';
import { type Failure, failure } from '../../../domain/failure.ts';
import { isObject } from '../../../domain/json.ts';
import { commits, type EventBatch, type StreamEvent } from '../../../domain/stream-event.ts';
import { afterOutput } from '../refusal/refusal.ts';
import { parseJson, parseJsonExactly } from '../unknown-json.ts';
import { eventTooLarge, tooManyDropped, torn, unreadable } from './answer-failures.ts';
import type { Dialect, DialectOutput, FastPath } from './dialect.ts';
import {
  beginsLikeJson,
  closesMore,
  createEventData,
  dataOfLine,
  type EventData,
  type EventDataOptions,
  isAlike,
  isRestOfJson,
} from './event-data.ts';

/**
 * Turns the bytes of an answer into batches of events, by the rules of a dialect. It knows no sockets and no timers.
 *
 *     reading ──▶ certain end ──▶ whole
 *        └──────▶ torn: an error, output that cannot be read, an event that is too large, an uncertain end
 *
 * Output is emitted as it comes; the finishes are held until the end is certain ({@link AnswerState}).
 */
export interface Translation {
  /**
   * Takes the bytes of one read of the socket, from `from` up to `to` (default: all). Returns their events; an empty batch is a
   * sign of life. Undefined where the bytes hold no whole event (comments, half an event). The bytes are not kept.
   */
  push(buffer: Buffer, from?: number, to?: number): EventBatch | undefined;
  /**
   * Takes an answer that is no event stream. `text`: its JSON text; a failure where the answer is too large; undefined where it
   * is cut, not JSON or not UTF-8. `contentType`: from its header, for the log.
   */
  pushWhole(text: string | Failure | undefined, contentType: string): EventBatch;
  /** Takes the end of the body, with `cut` where it was cut. Returns the finishes, or the failure. */
  end(cut: Failure | undefined): EventBatch | undefined;
  /** Whether the dialect can read an answer that comes as one JSON text. */
  readonly takesWhole: boolean;
  /** How the answer ended; undefined until the last event is emitted. */
  readonly ended: 'whole' | 'torn' | undefined;
  /** Set while every choice has output and then a finish reason, and the answer is not ended: a usage or a last event may come. */
  readonly held: 'held' | 'repeated' | undefined;
}

/** What a translation needs. */
export interface TranslationOptions {
  /** The largest event that is read, in bytes. */
  readonly maxEventBytes: number;
  dialect(output: DialectOutput): Dialect;
  /** Called once, with the first output of the answer. */
  begun?(): void;
}

/** How many malformed events without output are dropped; the next one tears the answer (contract, section 7). */
const maxDropped = 3;

/** Creates the translation of one answer. */
export function createTranslation(options: TranslationOptions): Translation {
  return new AnswerTranslation(options);
}

/** One object for all sides: an event costs as much as the objects that it touches, and a stream holds them (decisions/0006). */
class AnswerTranslation implements Translation, DialectOutput, SseDecoderOptions, EventDataOptions {
  readonly maxEventBytes: number;
  ended: 'whole' | 'torn' | undefined;
  /** Updated after each read that reaches the dialect: asking the dialect at each pull would touch four more objects. */
  held: Translation['held'];
  private readonly options: TranslationOptions;
  private readonly dialect: Dialect;
  private readonly decoder: SseDecoder;
  private readonly data: EventData;
  /** Set where the next bytes may be read without the decoder. */
  private fastPath: FastPath | undefined;
  /** The events of the current read; undefined where there are none yet. */
  private events: StreamEvent[] | undefined;
  /** True where the current read held an event, with or without output. */
  private alive = false;
  /** True once output was emitted. */
  private begun = false;
  private dropped = 0;
  /** The data of the last event that was read by the dialect. */
  private last: string | undefined;
  /** Events that could not be read, before the first event that can: that one shows whether they belong to this stream. */
  private early: string[] | undefined;

  constructor(options: TranslationOptions) {
    this.options = options;
    this.maxEventBytes = options.maxEventBytes;
    this.dialect = options.dialect(this);
    this.data = createEventData(this);
    this.decoder = createSseDecoder(this, (item) => this.readItem(item));
  }

  get takesWhole(): boolean {
    return this.dialect.readWhole !== undefined;
  }

  push(buffer: Buffer, from = 0, to = buffer.length): EventBatch | undefined {
    let at = from;
    const { fastPath } = this;
    if (fastPath !== undefined) {
      const events = fastPath.read(buffer, from, to);
      at += fastPath.taken;
      // The read held only deltas, which change no state.
      if (at === to) return events;
      this.events = events;
    }
    this.decoder.push(buffer.subarray(at, to));
    this.fastPath = this.decoder.between && this.ended === undefined ? this.dialect.fastPath?.() : undefined;
    return this.take();
  }

  pushWhole(text: string | Failure | undefined, contentType: string): EventBatch {
    if (typeof text === 'object') this.tear(text);
    else if (text !== undefined && this.readWhole(text)) this.complete('body');
    else {
      const reason = failure('upstream_protocol', 'The upstream did not answer with a stream.', {
        detail: `content type ${contentType}`,
      });
      this.tear(reason);
    }
    return this.events ?? [];
  }

  end(cut: Failure | undefined): EventBatch | undefined {
    this.decoder.end();
    this.complete(cut ?? 'body');
    return this.take();
  }

  endsEvent(data: string, line: string, event: string): boolean {
    return this.data.endsEvent(data, line, event);
  }

  dataOf(line: string): string | undefined {
    return dataOfLine(line) ?? (this.isTornLine(line) ? line : undefined);
  }

  parse(text: string): unknown {
    return this.dialect.passesJsonOn?.test(text) === true ? parseJsonExactly(text) : parseJson(text);
  }

  isLast(data: string): boolean {
    return this.dialect.lastEvent !== undefined && data.trim() === this.dialect.lastEvent;
  }

  emit(event: StreamEvent): void {
    if (this.ended !== undefined) return;
    if (!this.begun && commits(event)) {
      this.begun = true;
      this.options.begun?.();
    }
    this.add(event);
  }

  fail(reason: Failure): void {
    this.tear(reason);
  }

  refuse(reason: Failure): void {
    if (this.dialect.state !== 'held') this.tear(reason);
  }

  unreadable(evidence: string): void {
    const isRest = isRestOfJson(evidence);
    // Neither the beginning of JSON nor its rest: a heartbeat, which is no event, like a comment.
    if (!isRest && !beginsLikeJson(evidence)) return;
    if (isRest || this.mayCarryOutput(evidence)) this.failUnreadable(evidence);
    else {
      if (this.last === undefined) {
        this.early ??= [];
        this.early.push(evidence);
      }
      this.drop();
    }
  }

  drop(): void {
    if (this.ended !== undefined || this.heldNow() !== undefined) return;
    this.dropped += 1;
    if (this.dropped > maxDropped) this.fail(tooManyDropped(maxDropped));
  }

  private mayCarryOutput(evidence: string): boolean {
    const shown = this.dialect.mayCarryOutput(evidence);
    return shown ?? (this.last !== undefined && isAlike(evidence, this.last));
  }

  private failUnreadable(evidence: string): void {
    this.fail(unreadable(`an event of ${evidence.length} characters that cannot be read`));
  }

  /** Whether a line with an unknown field, or a comment, is what is left of a torn event with output. */
  private isTornLine(line: string): boolean {
    return closesMore(line) || (isRestOfJson(line) && this.dialect.mayCarryOutput(line) === true);
  }

  private heldNow(): Translation['held'] {
    const { state } = this.dialect;
    return this.ended === undefined && (state === 'held' || state === 'repeated') ? state : undefined;
  }

  private take(): EventBatch | undefined {
    const { events } = this;
    this.held = this.heldNow();
    if (events === undefined && !this.alive) return undefined;
    this.events = undefined;
    this.alive = false;
    return events ?? [];
  }

  private add(event: StreamEvent): void {
    if (this.events === undefined) this.events = [event];
    else this.events.push(event);
  }

  private tear(reason: Failure): void {
    if (this.ended !== undefined) return;
    this.ended = 'torn';
    this.add({ type: 'failed', failure: this.begun ? afterOutput(reason) : reason });
  }

  /**
   * Ends the answer: finishes it where its end is certain, else tears it. `end`: the protocol's own end, the end of the body, or
   * the cut of the body.
   */
  private complete(end: 'own' | 'body' | Failure): void {
    if (this.ended !== undefined) return;
    const { state } = this.dialect;
    if (isCertain(state, end)) this.finish();
    else if (typeof end === 'object') this.tear(end);
    else this.tear(this.begun || state === 'doubtful' ? torn('upstream_cut', bodyEnded) : withoutContent());
  }

  private finish(): void {
    const reason = this.dialect.finish();
    if (reason === undefined) this.ended ??= 'whole';
    else this.tear(reason);
  }

  private readItem(item: SseItem): void {
    if (this.ended !== undefined) return;
    switch (item.type) {
      case 'event':
        this.readEvent(item.event, item.data);
        return;
      case 'incomplete':
        this.readIncomplete(item.data);
        return;
      case 'malformed':
        // The data is empty where the malformed bytes belong to a comment.
        if (item.data !== '') this.unreadable(item.data);
        return;
      case 'too-large':
        this.fail(eventTooLarge(item.maxEventBytes));
        return;
      case 'comment':
        // A comment whose line was torn may end with the rest of an event.
        if (item.text.includes('"') && this.isTornLine(item.text)) this.failUnreadable(item.text);
        return;
      case 'retry':
    }
  }

  /** Reads what the end of the body has cut; an event whose JSON is whole is not cut. */
  private readIncomplete(data: string): void {
    // In the state `open` the end of the body tears the answer. In the others it could look whole without this event.
    if (this.dialect.state !== 'open' && this.dialect.mayCarryOutput(data)) this.unreadable(data);
  }

  private readEvent(name: string, data: string): void {
    const { dialect } = this;
    const isError = name === 'error' && dialect.readError !== undefined;
    if (this.isLast(data)) {
      this.complete('own');
      return;
    }
    if (!isError && data.trim() === '') return;
    const tornAt = this.data.takeTornAt();
    if (!isError && tornAt > 0) {
      this.readTorn(name, data.slice(0, tornAt), data.slice(tornAt + 1));
      return;
    }
    const value = this.data.take(data);
    if (this.data.tooLarge !== undefined) this.fail(this.data.tooLarge);
    else if (isError) dialect.readError?.(value ?? data);
    else if (value === undefined) this.readNoJson(name, data);
    else this.readValue(value, data);
  }

  /** Reads an event that is not JSON, and the event in the line after it. */
  private readTorn(name: string, data: string, next: string): void {
    this.unreadable(data);
    if (this.ended === undefined) this.readEvent(name, next);
  }

  private readNoJson(name: string, data: string): void {
    // Some gateways write `data: ` before data that has it already.
    const again = /^\s*data\s*:/.exec(data)?.[0];
    if (again !== undefined) this.readEvent(name, data.slice(again.length).trimStart());
    // The name of an event may show that it has output, where its data does not.
    else if (this.dialect.mayCarryOutput(name) === true) this.failUnreadable(data);
    else this.unreadable(data);
  }

  /** JSON that is no object carries nothing, unless it is a list of events, or an event that was encoded twice. */
  private readValue(value: unknown, data: string): void {
    if (this.ended !== undefined) return;
    if (typeof value === 'string') this.readEvent('message', value);
    else if (Array.isArray(value)) for (const one of value) this.readValue(one, data);
    else if (isObject(value)) {
      this.alive = true;
      if (this.early !== undefined) this.judgeEarly(this.early, data);
      this.last = data;
      if (this.ended === undefined) this.dialect.read(value, data);
      if (this.ended === undefined && this.dialect.state === 'settled') this.finish();
    }
  }

  private judgeEarly(early: readonly string[], data: string): void {
    this.early = undefined;
    for (const evidence of early) if (isAlike(evidence, data)) this.failUnreadable(evidence);
  }

  /** Reads an answer that came as JSON. Returns false where it is no answer. */
  private readWhole(text: string): boolean {
    const whole = this.parse(text);
    if (isObject(whole)) return this.dialect.readWhole?.(whole, text) === true;
    if (whole !== undefined) this.readValue(whole, text);
    else {
      // JSON in lines, or an event stream behind a line of JSON.
      this.decoder.push(Buffer.from(text));
      this.decoder.end();
    }
    return this.alive || this.ended !== undefined;
  }
}

const bodyEnded = 'the body ended before every choice had a finish reason as its last word';

/** Whether an answer in this state is whole at this end (contract, section 7, "The finish"). */
function isCertain(state: Dialect['state'], end: 'own' | 'body' | Failure): boolean {
  switch (state) {
    case 'open':
      return false;
    case 'doubtful':
      return end === 'own';
    case 'silent':
    case 'repeated':
      return typeof end === 'string';
    case 'held':
    case 'settled':
      return true;
  }
}

function withoutContent(): Failure {
  return failure('upstream_protocol', 'The upstream sent an answer without content.', { detail: bodyEnded });
}
