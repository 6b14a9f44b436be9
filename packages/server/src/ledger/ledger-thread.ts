import { randomBytes } from 'node:crypto';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import type { Channel } from '../channels/contract.ts';
import { portChannel } from '../channels/port-channel.ts';
import { startWorker } from '../worker/start-worker.ts';
import type { AdmissionAsk, Ledger } from './contract.ts';
import type { LedgerLog } from './ledger-log.ts';
import { createRemoteLedger } from './remote-ledger.ts';
import { createRestartedLedger } from './restarted-ledger.ts';
import type { FromLedgerThread, LedgerSettings } from './settings.ts';

export type StartedLedger =
  | { readonly ok: true; readonly ledger: Ledger }
  /** `wrong`: the operator has to change the configuration, or to end another process. */
  | { readonly ok: false; readonly message: string; readonly wrong: boolean };

/** A ledger on its thread. */
export interface LedgerThread {
  readonly ledger: Ledger;
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Calls `listener` with each admission whose answer was lost with the thread. */
  onLost(listener: (ask: AdmissionAsk) => void): void;
}

export type OpenedThread =
  | { readonly ok: true; readonly thread: LedgerThread }
  | Exclude<StartedLedger, { readonly ok: true }>;

type StartThread = (port: MessagePort) => Worker;

/**
 * The messages of the records of one service take a few MiB; a page of the administration's lists takes some more. A small
 * young generation costs some more collections, and 5 MB less.
 */
export const threadLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 3 };

/**
 * Starts the ledger on a thread of its own: `node:sqlite` waits for the disk, and what a PostgreSQL answers is parsed there. A
 * thread that ends by a fault is started again. The caller closes the ledger; its `close` resolves when the thread has ended and
 * everything is stored.
 */
export async function startLedger(
  given: Omit<LedgerSettings, 'processIds'>,
  log: LedgerLog,
  start: StartThread = (port) => startWorker(import.meta.url, 'ledger-worker', threadLimits, port),
): Promise<StartedLedger> {
  const settings = { ...given, processIds: [newProcessId()] };
  const open = () => openThread(settings, log, start);
  const first = await open();
  return first.ok ? { ok: true, ledger: createRestartedLedger(first.thread, { open, log }) } : first;
}

/** A name for a process that serves; no other process ever has the same. */
export function newProcessId(): string {
  return `proc_${randomBytes(8).toString('hex')}`;
}

async function openThread(
  settings: LedgerSettings,
  log: LedgerLog,
  start: StartThread,
): Promise<OpenedThread> {
  const { port1, port2 } = new MessageChannel();
  const opened = await runLedgerThread(start(port2), settings, log);
  if (!opened.ok) return opened;
  const { ended } = opened;
  // A port does not close with its thread in every case.
  void ended.then(() => port1.close());
  return { ok: true, thread: threadOver(portChannel(port1), ended) };
}

/** What is known of a ledger's thread by its channel. */
export function threadOver(channel: Channel, ended: Promise<void>): LedgerThread {
  let lost = (_: AdmissionAsk): void => {};
  const ledger = createRemoteLedger(channel, undefined, (ask) => lost(ask));
  return {
    ledger,
    ended,
    onLost(listener) {
      lost = listener;
    },
  };
}

/** Has a thread that has been started open its ledger. `ended` resolves when the thread has ended, for whatever reason. */
export async function runLedgerThread(
  worker: Worker,
  settings: LedgerSettings,
  log: LedgerLog,
): Promise<
  { readonly ok: true; readonly ended: Promise<void> } | Exclude<StartedLedger, { readonly ok: true }>
> {
  // Not `once` of node:events, whose promise rejects at 'error'; 'exit' follows it.
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  const started = await new Promise<Exclude<FromLedgerThread, { type: 'log' }>>((resolve) => {
    worker.on('message', (message: FromLedgerThread) => {
      if (message.type === 'log') log[message.level](message.message, message.fields);
      else resolve(message);
    });
    worker.on('error', (error) => {
      const message = error instanceof Error ? error.message : String(error);
      log.error('the thread of keys, limits and records has failed', { reason: message });
      resolve({ type: 'failed', message, wrong: false });
    });
    worker.postMessage(settings);
  });
  if (started.type === 'ready') return { ok: true, ended };
  await worker.terminate();
  return { ok: false, message: started.message, wrong: started.wrong };
}
