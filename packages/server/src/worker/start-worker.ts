import { type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * Starts a thread from the file `name` (a path from the caller's folder, without extension), in the sources or in the
 * build. `caller`: `import.meta.url`. The thread has no environment variables. `port`: its `workerData`.
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
