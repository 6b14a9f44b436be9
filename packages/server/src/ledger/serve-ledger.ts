import type { Channel } from '../channels/contract.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { KeyBook } from '../storage/contract.ts';
import type { Ledger } from './contract.ts';
import { createOutbox, type FromLedger, type ToLedger } from './messages.ts';

/** A process may hold its endings for so long after they are kept. */
const lateMs = 1_000;

/** Answers the messages of one process, until it closes or ends; `onClosed` is called after that, before `close` is answered. */
export function serveLedger(channel: Channel, ledger: Ledger, onClosed?: () => Promise<void>): void {
  let kept: number[] = [];
  const { post, postLate } = createOutbox<FromLedger[number]>(
    (messages) => {
      const ids = kept;
      kept = [];
      channel.send(ids.length === 0 ? messages : [{ type: 'kept', ids }, ...messages]);
    },
    // The messages of a process come together, so their answers are there when this callback of the event loop ends.
    { lateMs, soon: process.nextTick },
  );
  let open = true;
  /** What to call when the process has taken over the keys of a message. */
  const untaken = new Map<number, () => void>();
  let lastKeysId = 0;

  function answer(id: number, work: Promise<unknown>): void {
    work.then(
      (value) => post({ type: 'answer', id, value }),
      (error: unknown) =>
        post({ type: 'failed', id, message: error instanceof Error ? error.message : String(error) }),
    );
  }

  /** Resolves when the process has the keys, or has ended. */
  function sendKeys(book: KeyBook): Promise<void> {
    if (!open) return Promise.resolve();
    lastKeysId += 1;
    const id = lastKeysId;
    post({ type: 'keys', id, book });
    return new Promise((resolve) => untaken.set(id, resolve));
  }

  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    for (const taken of untaken.values()) taken();
    untaken.clear();
    await ledger.close();
    await onClosed?.();
  }

  function settle({ ending, id }: Extract<ToLedger[number], { type: 'settle' }>): void {
    if (id === undefined) ledger.settle(ending);
    else
      ledger.settle(ending, () => {
        kept.push(id);
        postLate();
      });
  }

  function take(message: ToLedger[number]): void {
    switch (message.type) {
      case 'call': {
        const method = ledger[message.name] as (...args: readonly unknown[]) => Promise<unknown>;
        answer(message.id, method(...message.args));
        break;
      }
      case 'watch-keys': {
        answer(message.id, ledger.watchKeys(sendKeys));
        break;
      }
      case 'keys-taken':
        untaken.get(message.id)?.();
        untaken.delete(message.id);
        break;
      case 'close':
        answer(message.id, close());
        break;
      case 'progress':
        ledger.progress(...message.args);
        break;
      case 'settle':
        settle(message);
        break;
      case 'touch':
        ledger.touch(...message.args);
        break;
      default:
        assertNever(message);
    }
  }

  // Only a remote ledger of the same version writes to this channel.
  channel.onMessage((messages) => {
    for (const message of messages as ToLedger) take(message);
  });
  channel.onClose(() => void close());
}
