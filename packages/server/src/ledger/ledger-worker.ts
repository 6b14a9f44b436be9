import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { MessagePort, parentPort, workerData } from 'node:worker_threads';
import { objectChannel } from '../channels/object-channel.ts';
import { bytePortChannel, portChannel } from '../channels/port-channel.ts';
import { assertNever } from '../domain/assert-never.ts';
import type { Ledger } from './contract.ts';
import type { LedgerHost } from './host.ts';
import { openLedger } from './open-ledger.ts';
import { serveLedger } from './serve-ledger.ts';
import type { FromLedgerThread, LedgerSettings, ToLedgerThread } from './settings.ts';

/*
 * The thread of the ledger. It gets its settings in one message. Then it serves the process that has started it, over the port in
 * `workerData`; without a port it serves each process that is named to it.
 */

/** Another thread of the same process has another name in the limiter. */
function connect(host: LedgerHost, processId: string): Ledger {
  return host.connect(processId, `thread_${randomBytes(8).toString('hex')}`);
}

function serveMany(parent: MessagePort, host: LedgerHost, close: () => Promise<void>): void {
  const connected = new Set<Promise<void>>();
  parent.on('message', (message: ToLedgerThread) => {
    switch (message.type) {
      case 'connect': {
        const { promise, resolve } = Promise.withResolvers<void>();
        connected.add(promise);
        const channel = objectChannel(bytePortChannel(message.port));
        serveLedger(channel, connect(host, message.processId), async () => {
          connected.delete(promise);
          resolve();
        });
        break;
      }
      case 'close':
        void Promise.all(connected).then(close);
        break;
      default:
        assertNever(message);
    }
  });
}

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
  const { host } = opened;
  const close = async () => {
    await host.close();
    // The answer to `close` leaves before the thread ends.
    setImmediate(() => setImmediate(() => parent.close()));
  };
  const port: unknown = workerData;
  const [processId] = settings.processIds;
  if (!(port instanceof MessagePort)) serveMany(parent, host, close);
  else if (processId !== undefined) serveLedger(portChannel(port), connect(host, processId), close);
  say({ type: 'ready' });
}

// Without a thread the file is only compiled, by the launcher.
if (parentPort !== null) await serveOn(parentPort);
