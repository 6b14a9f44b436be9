import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openLedger } from './open-ledger.ts';
import { portChannel } from './port-channel.ts';
import { serveLedger } from './serve-ledger.ts';
import type { FromLedgerThread, LedgerSettings } from './settings.ts';

/* The thread of the ledger: it gets its settings in one message, and serves the port in `workerData`. */

async function serveOn(parent: MessagePort): Promise<void> {
  const say = (message: FromLedgerThread): void => parent.postMessage(message);
  const logAt =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields?: Readonly<Record<string, string | number>>): void =>
      say({ type: 'log', level, message, ...(fields === undefined ? {} : { fields }) });

  const [settings] = (await once(parent, 'message')) as [LedgerSettings];
  const opened = await openLedger(settings, {
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
  });
  if (!opened.ok) {
    say({ type: 'failed', message: opened.message, wrong: opened.wrong });
    return;
  }
  serveLedger(
    portChannel(workerData as MessagePort),
    opened.host.connect(settings.processId, `thread_${randomBytes(8).toString('hex')}`),
    async () => {
      await opened.host.close();
      // The answer to `close` leaves before the thread ends.
      setImmediate(() => setImmediate(() => parent.close()));
    },
  );
  say({ type: 'ready' });
}

// Without a thread the file is only compiled, by the launcher.
if (parentPort !== null) await serveOn(parentPort);
