import { createSseDecoder, type SseItem } from '@tailrace/protocol';
import { brokeOff, type Failure } from '../../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../../domain/stream-event.ts';
import { eventBeyondBounds } from './answer-json.ts';
import { createMalformedEvents, eventTooLarge } from './malformed-events.ts';
import { behindOutput } from './refusal.ts';
import { asRecord, parseJson, parseJsonExactly } from './unknown-json.ts';

export type Say = (event: StreamEvent) => void;

/** One provider's events, in its own words. It knows no bytes, sockets or timers. */
export interface Dialect {
  /** Takes one event and says what it means. Nothing is given to it after a `failed`. */
  read(event: Readonly<Record<string, unknown>>, say: Say): void;
  /**
   * `open` while a choice lacks its finish reason, `unsettled` while only the usage is awaited, `settled`
   * when nothing that counts can come any more.
   */
  readonly state: 'open' | 'unsettled' | 'settled';
  /** Says usage and the finishes, which were held until now. Called once, never while `open`. */
  finish(say: Say): void;
  /** In events with this text the numbers keep their spelling: they hold the arguments of a tool as an object. */
  readonly foreign: string;
}

/** Turns the bytes of an answer into batches of events. */
export interface Translation {
  /** What one read of the socket brought; undefined where that was no sign of life (comments, half an event). */
  push(bytes: Uint8Array): EventBatch | undefined;
  /** The body has ended, by itself or by `cause`: the finishes that were held, or why there are none. */
  end(cause: Failure | undefined): EventBatch;
  /** The last event has been said. */
  readonly ended: boolean;
  /** Every choice has finished, and only the usage is awaited. */
  readonly holding: boolean;
}

export interface TranslationOptions {
  readonly dialect: Dialect;
  /** Bytes of one event. */
  readonly maxEventBytes: number;
  /** What the bytes of an event that carries output look like, when they cannot be read. */
  readonly output: RegExp;
}

export function createTranslation({ dialect, maxEventBytes, output }: TranslationOptions): Translation {
  let batch: StreamEvent[] = [];
  let alive = false;
  let ended = false;
  let spoken = false;
  const malformed = createMalformedEvents((evidence) => output.test(evidence));

  const say: Say = (event) => {
    if (ended) return;
    if (event.type === 'failed') {
      // All finishes are there: what comes behind them changes nothing.
      if (dialect.state !== 'open') {
        finish();
        return;
      }
      ended = true;
      batch.push(spoken ? { type: 'failed', failure: behindOutput(event.failure) } : event);
      return;
    }
    spoken ||= commits(event);
    batch.push(event);
  };
  const fail = (reason: Failure) => say({ type: 'failed', failure: reason });

  function finish(): void {
    dialect.finish(say);
    ended = true;
  }

  function judge(data: string): void {
    const reason = malformed.judge(data);
    if (reason !== undefined) fail(reason);
  }

  function readItem(item: SseItem): void {
    if (ended) return;
    switch (item.type) {
      case 'event': {
        if (item.data.trim() === '') return;
        const tooLarge = eventBeyondBounds(item.data);
        if (tooLarge !== undefined) {
          fail(tooLarge);
          return;
        }
        const parse = item.data.includes(dialect.foreign) ? parseJsonExactly : parseJson;
        const event = asRecord(parse(item.data));
        if (event === undefined) {
          judge(item.data);
          return;
        }
        alive = true;
        dialect.read(event, say);
        if (dialect.state === 'settled') finish();
        return;
      }
      case 'malformed':
        // Bytes that are not UTF-8 in a comment have nothing to say.
        if (item.data !== '') judge(item.data);
        return;
      case 'too-large':
        fail(eventTooLarge(item.maxEventBytes));
        return;
      case 'comment':
      case 'retry':
      case 'incomplete':
        return;
    }
  }

  const decoder = createSseDecoder({ maxEventBytes }, readItem);

  function take(): StreamEvent[] {
    const taken = batch;
    batch = [];
    return taken;
  }

  return {
    get ended() {
      return ended;
    },
    get holding() {
      return !ended && dialect.state === 'unsettled';
    },
    push(bytes) {
      alive = false;
      decoder.push(bytes);
      const events = take();
      return events.length > 0 || alive ? events : undefined;
    },
    end(cause) {
      decoder.end();
      if (!ended && dialect.state !== 'open') finish();
      fail(cause ?? brokeOff());
      return take();
    },
  };
}
