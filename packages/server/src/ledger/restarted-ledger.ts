import { setTimeout as delay } from 'node:timers/promises';
import type { KeyBook } from '../storage/contract.ts';
import type { Ending, Ledger } from './contract.ts';
import type { LedgerLog } from './ledger-log.ts';
import type { LedgerThread, OpenedThread } from './ledger-thread.ts';
import type { CallName } from './messages.ts';

export interface RestartOptions {
  /** Opens the next thread. Never rejects. */
  open(): Promise<OpenedThread>;
  readonly log: LedgerLog;
  /** Between two tries, in milliseconds. Default: 1,000. */
  readonly retryMs?: number;
}

/**
 * The ledger of a service over threads, of which the next one starts where one has ended by a fault. In between, requests are
 * refused with `unavailable`, reads reject, and endings wait for the next thread. Endings that were on their way to the old
 * thread, some milliseconds of them, are lost with it: the next thread closes their intents as those of a killed process.
 */
export function createRestartedLedger(first: LedgerThread, options: RestartOptions): Ledger {
  const { open, log, retryMs = 1_000 } = options;
  let thread: LedgerThread | undefined = first;
  let waiting: Ending[] = [];
  let onKeys: ((book: KeyBook) => void) | undefined;
  let closing = false;
  let restarting = Promise.resolve();
  void watch(first);

  async function watch({ ended }: LedgerThread): Promise<void> {
    await ended;
    thread = undefined;
    if (closing) return;
    log.error('the thread of keys, limits and records has ended; it is started again');
    restarting = restart();
  }

  async function restart(): Promise<void> {
    while (!closing) {
      const opened = await open();
      if (opened.ok) {
        await resume(opened.thread);
        return;
      }
      log.error('the thread of keys, limits and records cannot start', { reason: opened.message });
      await delay(retryMs);
    }
  }

  async function resume(next: LedgerThread): Promise<void> {
    thread = next;
    void watch(next);
    for (const ending of waiting) next.ledger.settle(ending);
    waiting = [];
    // Where the store is away, the mirror of keys stays as it is until the next change; a lookup finds what it lacks.
    if (onKeys !== undefined) await next.ledger.watchKeys(onKeys).catch(() => {});
    log.info('the thread of keys, limits and records has started again');
  }

  function pass<Name extends CallName>(name: Name): Ledger[Name] {
    const call = (...args: readonly unknown[]) => {
      if (thread === undefined) return Promise.reject(new Error('the ledger is being started'));
      const method = thread.ledger[name] as (...args: readonly unknown[]) => Promise<unknown>;
      return method(...args);
    };
    return call as Ledger[Name];
  }

  return {
    admit: async (ask) => thread?.ledger.admit(ask) ?? { type: 'unavailable', what: 'records' },
    look: async (scopes) => thread?.ledger.look(scopes) ?? {},
    progress: (marks) => thread?.ledger.progress(marks),
    settle: (ending) => {
      if (thread === undefined) waiting.push(ending);
      else thread.ledger.settle(ending);
    },
    touch: (keyId, atMs) => thread?.ledger.touch(keyId, atMs),
    change: pass('change'),
    async watchKeys(listener) {
      onKeys = listener;
      if (thread === undefined) throw new Error('the ledger is being started');
      await thread.ledger.watchKeys(listener);
    },
    async close() {
      closing = true;
      await restarting;
      const last = thread;
      // Where the thread ends just now, there is nothing to close.
      await last?.ledger.close().catch(() => {});
      await last?.ended;
    },
    keysAfter: pass('keysAfter'),
    keyByHash: pass('keyByHash'),
    key: pass('key'),
    keys: pass('keys'),
    owner: pass('owner'),
    owners: pass('owners'),
    records: pass('records'),
    usage: pass('usage'),
    spent: pass('spent'),
  };
}
