import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import type { ByteChannel } from '../channels/contract.ts';
import { joinChannels } from '../channels/join-channels.ts';
import { bytePortChannel } from '../channels/port-channel.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { LedgerLog } from './ledger-log.ts';
import { runLedgerThread, type StartedLedger, threadLimits } from './ledger-thread.ts';
import type { LedgerSettings, ToLedgerThread } from './settings.ts';

/** The one ledger of several processes, on a thread of the process that has started them. A thread that ends is started again. */
export interface SharedLedger {
  /**
   * Joins a process to the ledger, over a channel on which it has a `createRemoteLedger`. The channel closes when the thread ends:
   * the process then opens another one. Resolves when it is joined, at once while the thread lives. Rejects where the ledger is
   * being closed.
   */
  join(processId: string, channel: ByteChannel): Promise<void>;
  /** A process has ended: what it has left open is closed, and its places in the limits are given back. */
  ended(processId: string): void;
  /** Resolves when everything lies in the store or in the spool. The processes have ended, or have closed their ledgers. */
  close(): Promise<void>;
}

export interface SharedLedgerOptions {
  readonly log: LedgerLog;
  /** Default: the real thread. */
  readonly start?: () => Worker;
  /** Between two tries to start a thread, in milliseconds. Default: 1,000. */
  readonly retryMs?: number;
}

export type StartedSharedLedger =
  | { readonly ok: true; readonly ledger: SharedLedger }
  | Exclude<StartedLedger, { readonly ok: true }>;

export async function startSharedLedger(
  settings: Omit<LedgerSettings, 'processIds'>,
  { log, start = startThread, retryMs = 1_000 }: SharedLedgerOptions,
): Promise<StartedSharedLedger> {
  const living = new Set<string>();
  /** Those to the thread that lives. */
  const ports = new Set<MessagePort>();
  let thread: Worker | undefined;
  let threadEnded = Promise.resolve();
  let closing = false;
  /** Resolves when there is a thread; replaced when it ends. */
  let up = Promise.withResolvers<void>();

  async function open() {
    const processIds = [...living];
    const worker = start();
    const opened = await runLedgerThread(worker, { ...settings, processIds }, log);
    if (!opened.ok) return opened;
    thread = worker;
    threadEnded = watch(opened.ended);
    up.resolve();
    // Those that have ended while it was started: it waits for them.
    for (const processId of processIds) if (!living.has(processId)) leave(worker, processId);
    return opened;
  }

  async function watch(ended: Promise<void>): Promise<void> {
    await ended;
    thread = undefined;
    // A port does not close with its thread in every case.
    for (const port of ports) port.close();
    if (closing) return;
    up = Promise.withResolvers();
    log.error('the thread of keys, limits and records has ended; it is started again');
    void restart();
  }

  async function restart(): Promise<void> {
    while (!closing) {
      const opened = await open();
      if (opened.ok) {
        log.info('the thread of keys, limits and records has started again');
        return;
      }
      log.error('the thread of keys, limits and records cannot start', { reason: opened.message });
      await delay(retryMs);
    }
    up.resolve();
  }

  function connect(worker: Worker, processId: string): ByteChannel {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ type: 'connect', processId, port: port2 } satisfies ToLedgerThread, [port2]);
    ports.add(port1);
    port1.once('close', () => ports.delete(port1));
    return bytePortChannel(port1);
  }

  function leave(worker: Worker, processId: string): void {
    connect(worker, processId).close();
  }

  const first = await open();
  if (!first.ok) return first;
  return {
    ok: true,
    ledger: {
      async join(processId, channel) {
        living.add(processId);
        await up.promise;
        if (closing || thread === undefined) throw new Error('the ledger is closed');
        joinChannels(channel, connect(thread, processId));
      },
      ended: (processId) => {
        living.delete(processId);
      },
      async close() {
        closing = true;
        up.resolve();
        for (const port of ports) port.close();
        thread?.postMessage({ type: 'close' } satisfies ToLedgerThread);
        await threadEnded;
      },
    },
  };
}

function startThread(): Worker {
  return startWorker(import.meta.url, 'ledger-worker', threadLimits);
}
