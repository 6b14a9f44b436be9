import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { startWorker } from '../worker/start-worker.ts';
import type { Ledger } from './contract.ts';
import { portChannel } from './port-channel.ts';
import type { LedgerLog } from './record-writer.ts';
import { createRemoteLedger } from './remote-ledger.ts';
import type { FromLedgerThread, LedgerSettings } from './settings.ts';

export type StartedLedger =
  | { readonly ok: true; readonly ledger: Ledger }
  /** `wrong`: the operator has to change the configuration, or to end another process. */
  | { readonly ok: false; readonly message: string; readonly wrong: boolean };

/** The messages of the records of one service take a few MiB; a page of the administration's lists takes some more. */
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8 };

/**
 * Starts the ledger on a thread of its own: `node:sqlite` waits for the disk, and what a PostgreSQL answers is parsed there.
 * The caller closes the ledger; its `close` resolves when the thread has ended and everything is stored.
 */
export async function startLedger(settings: LedgerSettings, log: LedgerLog): Promise<StartedLedger> {
  const { port1, port2 } = new MessageChannel();
  const worker = startWorker(import.meta.url, 'ledger-worker', resourceLimits, port2);
  const exited = once(worker, 'exit');
  let closing = false;
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
  if (started.type === 'failed') {
    port1.close();
    await worker.terminate();
    return { ok: false, message: started.message, wrong: started.wrong };
  }
  const channel = portChannel(port1);
  // A port does not close with its thread in every case.
  worker.once('exit', () => {
    if (!closing) log.error('the thread of keys, limits and records has ended; no new requests are admitted');
    port1.close();
  });
  const remote = createRemoteLedger(channel);
  return {
    ok: true,
    ledger: {
      ...remote,
      async close() {
        closing = true;
        // Where the thread has ended already, there is nothing to close.
        await remote.close().catch(() => {});
        await exited;
      },
    },
  };
}
