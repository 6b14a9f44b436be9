import type { KeyBook } from '../storage/contract.ts';
import { type After, afterTimeout } from './after.ts';
import type { Ending, Ledger } from './contract.ts';

/** A way for messages between a process that serves and its ledger: a port of a thread, or the channel of a child process. */
export interface Channel {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** The other side has ended. */
  onClose(listener: () => void): void;
  close(): void;
}

/** The methods that answer. */
export type CallName = Exclude<keyof Ledger, 'progress' | 'settle' | 'touch' | 'watchKeys' | 'close'>;

/** Several messages leave as one, because each costs some 10 µs on either side. */
export type ToLedger = readonly (
  | { readonly type: 'call'; readonly id: number; readonly name: CallName; readonly args: readonly unknown[] }
  | { readonly type: 'watch-keys' | 'close'; readonly id: number }
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
  | { readonly type: 'keys'; readonly book: KeyBook }
)[];

/** Messages that leave together. */
export interface Outbox<Message> {
  /** Sends it at the end of this turn of the event loop, with all that wait. */
  post(message: Message): void;
  /** Sends it with the next message of the other kind, or after `lateMs`. Without one, `send` is called all the same. */
  postLate(message?: Message): void;
}

export interface OutboxOptions {
  /** How long messages wait that need no answer: to wake the other side costs more than what they say. */
  readonly lateMs: number;
  readonly after?: After | undefined;
}

/** Collects messages and sends them together, in their order. */
export function createOutbox<Message>(
  send: (messages: readonly Message[]) => void,
  { lateMs, after = afterTimeout }: OutboxOptions,
): Outbox<Message> {
  let waiting: Message[] = [];
  let leaving = false;
  let stopLate: (() => void) | undefined;
  function flush(): void {
    leaving = false;
    stopLate?.();
    stopLate = undefined;
    const messages = waiting;
    waiting = [];
    send(messages);
  }
  return {
    post(message) {
      waiting.push(message);
      if (leaving) return;
      leaving = true;
      setImmediate(flush);
    },
    postLate(message) {
      if (message !== undefined) waiting.push(message);
      if (!leaving) stopLate ??= after(lateMs, flush);
    },
  };
}
