import { type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * Starts a thread from a file that lies beside the caller's (`import.meta.url`), among the sources or among what was
 * built of them. `name` is the file's, without extension. The thread has no environment. `port`: its `workerData`.
 */
export function startWorker(
  caller: string,
  name: string,
  resourceLimits: ResourceLimits,
  port?: MessagePort,
): Worker {
  const source = caller.endsWith('.ts');
  return new Worker(new URL(`./${name}${source ? '.ts' : '.js'}`, caller), {
    name,
    env: {},
    execArgv: source ? ['--conditions=tailrace-source'] : [],
    resourceLimits,
    ...(port === undefined ? {} : { workerData: port, transferList: [port] }),
  });
}
