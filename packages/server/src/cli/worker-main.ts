import './process-settings.ts';
import { Socket } from 'node:net';
import { serveAsWorker } from '../service/worker/serve-as-worker.ts';

/*
 * The process of a worker (docs/decisions/0028-workers.md). Its parent has the terminal and gets the signals: a signal that goes to
 * the whole group of processes must not end a worker whose streams are still running.
 */

/** The place of the link in `stdio` (`service/parent/worker-process.ts`). */
const linkAt = 3;

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  await serveAsWorker({
    env: process.env,
    socket: new Socket({ fd: linkAt, readable: true, writable: true }),
    onConnection(take) {
      process.on('message', ({ id }: { readonly id: number }, connection: Socket | undefined) => {
        take(id, connection);
      });
    },
  });
  process.exit(0);
}

// Without a parent the file is only compiled, by the launcher.
if (process.send !== undefined) await main();
