import type { KeyBook } from '../storage/contract.ts';
import type { Ledger } from './contract.ts';

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
  | {
      [Name in 'progress' | 'settle' | 'touch']: {
        readonly type: Name;
        readonly args: Parameters<Ledger[Name]>;
      };
    }['progress' | 'settle' | 'touch']
)[];

export type FromLedger = readonly (
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  /** The call has been rejected. */
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  | { readonly type: 'keys'; readonly book: KeyBook }
)[];

/** Collects messages of one turn of the event loop and sends them together. */
export function createOutbox<Message>(
  send: (messages: readonly Message[]) => void,
): (message: Message) => void {
  let waiting: Message[] = [];
  function flush(): void {
    const messages = waiting;
    waiting = [];
    send(messages);
  }
  return (message) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(message);
  };
}
