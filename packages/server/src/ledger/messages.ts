import type { KeyBook } from '../storage/contract.ts';
import { type After, afterUnheld } from './after.ts';
import type { Ending, Ledger } from './contract.ts';

/** The methods that answer. */
export type CallName = Exclude<keyof Ledger, 'progress' | 'settle' | 'touch' | 'watchKeys' | 'close'>;

/** Several messages leave as one, because each costs some 10 µs on either side. */
export type ToLedger = readonly (
  | { readonly type: 'call'; readonly id: number; readonly name: CallName; readonly args: readonly unknown[] }
  | { readonly type: 'watch-keys' | 'close'; readonly id: number }
  /** The process has taken over the keys of the message with this id. */
  | { readonly type: 'keys-taken'; readonly id: number }
  /** `id`: the sender wants to know when it is kept. */
  | { readonly type: 'settle'; readonly ending: Ending; readonly id?: number }
  | {
      [Name in 'progress' | 'touch']: {
        readonly type: Name;
        readonly args: Parameters<Ledger[Name]>;
      };
    }['progress' | 'touch']
)[];

export type FromLedger = readonly (
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  /** The call has been rejected. */
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  /** The endings of these messages are in the spool or in the store. */
  | { readonly type: 'kept'; readonly ids: readonly number[] }
  | { readonly type: 'keys'; readonly id: number; readonly book: KeyBook }
)[];

/** Messages that leave together. */
export interface Outbox<Message> {
  /** Sends it at the end of this turn of the event loop, with all that wait. */
  post(message: Message): void;
  /**
   * Sends it with the next message of the other kind, or after `lateMs`, at most twice that. Without one, `send` is called all
   * the same.
   */
  postLate(message?: Message): void;
}

export interface OutboxOptions {
  /** How long messages wait that need no answer: to wake the other side costs more than what they say. */
  readonly lateMs: number;
  readonly after?: After | undefined;
  /** Calls back when all messages of the moment have been posted. Default: at the end of the turn of the event loop. */
  readonly soon?: ((work: () => void) => void) | undefined;
}

/** Collects messages and sends them together, in their order. The owner sends a last message that takes the late ones along. */
export function createOutbox<Message>(
  send: (messages: readonly Message[]) => void,
  { lateMs, after = afterUnheld, soon = setImmediate }: OutboxOptions,
): Outbox<Message> {
  let waiting: Message[] = [];
  let leaving = false;
  /** Something is late that has not been sent. */
  let late = false;
  let timed = false;
  let sentSinceTimed = false;
  function flush(): void {
    leaving = false;
    late = false;
    sentSinceTimed = true;
    const messages = waiting;
    waiting = [];
    send(messages);
  }
  /** One timer runs on while messages leave: at 1,000 requests a second, a timer for each message would cost 8 µs a request. */
  function startTimer(): void {
    timed = true;
    sentSinceTimed = false;
    after(lateMs, () => {
      timed = false;
      if (!late || leaving) return;
      // What waits now came after the last sending, so it may wait on: the next message probably takes it along.
      if (sentSinceTimed) startTimer();
      else flush();
    });
  }
  return {
    post(message) {
      waiting.push(message);
      if (leaving) return;
      leaving = true;
      soon(flush);
    },
    postLate(message) {
      if (message !== undefined) waiting.push(message);
      late = true;
      if (!timed && !leaving) startTimer();
    },
  };
}
