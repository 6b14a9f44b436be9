import { createSseDecoder, type SseItem } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../../domain/stream-event.ts';
import { asRecord, parseJson } from './unknown-json.ts';

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

/** Malformed events that can have carried no output and are forgiven (contract, section 7). */
const maxForgiven = 3;

export function createTranslation({ dialect, maxEventBytes, output }: TranslationOptions): Translation {
  let batch: StreamEvent[] = [];
  let alive = false;
  let ended = false;
  let forgiven = 0;

  const say: Say = (event) => {
    if (ended) return;
    batch.push(event);
    if (event.type === 'failed') ended = true;
  };
  const fail = (reason: Failure) => say({ type: 'failed', failure: reason });

  function finish(): void {
    dialect.finish(say);
    ended = true;
  }

  function forgive(data: string): void {
    if (output.test(data)) {
      fail(
        failure('upstream_cut', 'An event of the answer could not be read.', { detail: data.slice(0, 500) }),
      );
      return;
    }
    forgiven += 1;
    if (forgiven > maxForgiven) {
      fail(
        failure('upstream_protocol', 'The upstream sent too many events that cannot be read.', {
          detail: data.slice(0, 500),
        }),
      );
    }
  }

  function readItem(item: SseItem): void {
    if (ended) return;
    switch (item.type) {
      case 'event': {
        if (item.data.trim() === '') return;
        const event = asRecord(parseJson(item.data));
        if (event === undefined) {
          forgive(item.data);
          return;
        }
        alive = true;
        dialect.read(event, say);
        if (dialect.state === 'settled') finish();
        return;
      }
      case 'malformed':
        // Bytes that are not UTF-8 in a comment have nothing to say.
        if (item.data !== '') forgive(item.data);
        return;
      case 'too-large':
        fail(
          failure('upstream_protocol', `The upstream sent an event larger than ${item.maxEventBytes} bytes.`),
        );
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
      fail(cause ?? failure('upstream_cut', 'The upstream ended its answer without a finish reason.'));
      return take();
    },
  };
}
