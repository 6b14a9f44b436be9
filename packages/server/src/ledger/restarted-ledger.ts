import { setTimeout as delay } from 'node:timers/promises';
import {
  type AdmissionAsk,
  type Ending,
  idOfEnding,
  type KeyListener,
  type Ledger,
  withoutLimits,
} from './contract.ts';
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

/** A ledger that ends while threads die has this many tries to store the endings that are left. */
const lastTries = 3;

/**
 * The ledger of a service over threads, of which the next one starts where one has ended by a fault. In between, requests are
 * refused with `unavailable`, and reads reject.
 *
 * An ending is kept here until a thread has said that it lies in the spool or in the store; the next thread gets those of which
 * the last one has not said so, perhaps a second time, which changes nothing. An admission whose answer was lost is discarded: its
 * request was refused. The intents of requests that run stay open, because all threads serve the same process.
 */
export function createRestartedLedger(first: LedgerThread, options: RestartOptions): Ledger {
  const { open, log, retryMs = 1_000 } = options;
  let thread: LedgerThread | undefined;
  const unkept = new Map<string, Ending>();
  let onKeys: KeyListener | undefined;
  /** What the next thread has to mask. */
  let masked: Parameters<Ledger['mask']> | undefined;
  let closing = false;
  let restarting = Promise.resolve();
  use(first);

  function use(next: LedgerThread): void {
    thread = next;
    // Where the thread ends just now, the next one gets them.
    if (masked !== undefined) next.ledger.mask(...masked).catch(() => {});
    next.onLost(({ intent }: AdmissionAsk) => {
      settle({ type: 'nothing', id: intent.id, createdAtMs: intent.createdAtMs, lease: withoutLimits('') });
    });
    void watch(next);
  }

  async function watch(watched: LedgerThread): Promise<void> {
    await watched.ended;
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
    use(next);
    for (const ending of unkept.values()) pass(next, ending);
    log.info('the thread of keys, limits and records has started again');
    void watchAgain(next);
  }

  /** Until the thread follows the keys, the mirror of them stays as it is: it would know no key that is revoked meanwhile. */
  async function watchAgain(next: LedgerThread): Promise<void> {
    while (onKeys !== undefined && thread === next) {
      try {
        await next.ledger.watchKeys(onKeys);
        return;
      } catch {
        // The store is away: the writer of records says so.
      }
      await delay(retryMs, undefined, { ref: false });
    }
  }

  function settle(ending: Ending): void {
    unkept.set(idOfEnding(ending), ending);
    if (thread !== undefined) pass(thread, ending);
  }

  function pass(to: LedgerThread, ending: Ending): void {
    const id = idOfEnding(ending);
    // Where this thread dies it may have settled the lease: nothing is given back twice.
    unkept.set(id, { ...ending, lease: withoutLimits(ending.lease.processId) });
    to.ledger.settle(ending, () => unkept.delete(id));
  }

  function call<Name extends CallName>(name: Name): Ledger[Name] {
    const called = (...args: readonly unknown[]) => {
      if (thread === undefined) return Promise.reject(new Error('the ledger is being started'));
      const method = thread.ledger[name] as (...args: readonly unknown[]) => Promise<unknown>;
      return method(...args);
    };
    return called as Ledger[Name];
  }

  async function closeThread(): Promise<void> {
    const last = thread;
    // Where the thread ends just now, there is nothing to close.
    await last?.ledger.close().catch(() => {});
    await last?.ended;
  }

  return {
    admit: async (ask) => thread?.ledger.admit(ask) ?? { type: 'unavailable', what: 'records' },
    canAdmit: async () => thread?.ledger.canAdmit() ?? false,
    look: async (scopes) => thread?.ledger.look(scopes) ?? {},
    progress: (marks) => thread?.ledger.progress(marks),
    settle,
    touch: (keyId, atMs) => thread?.ledger.touch(keyId, atMs),
    reading: call('reading'),
    webhook: call('webhook'),
    keepContent: async (content) => thread?.ledger.keepContent(content),
    content: call('content'),
    async mask(...secrets) {
      masked = secrets;
      await thread?.ledger.mask(...secrets);
    },
    change: call('change'),
    async watchKeys(listener) {
      onKeys = listener;
      if (thread === undefined) throw new Error('the ledger is being started');
      await thread.ledger.watchKeys(listener);
    },
    async close() {
      closing = true;
      await restarting;
      await closeThread();
      for (let left = lastTries; left > 0 && unkept.size > 0; left -= 1) {
        const opened = await open();
        if (!opened.ok) continue;
        await resume(opened.thread);
        await closeThread();
      }
      if (unkept.size > 0) log.error('records are lost', { records: unkept.size });
    },
    keysAfter: call('keysAfter'),
    keyByHash: call('keyByHash'),
    key: call('key'),
    keys: call('keys'),
    owner: call('owner'),
    owners: call('owners'),
    records: call('records'),
    usage: call('usage'),
    spent: call('spent'),
  };
}
