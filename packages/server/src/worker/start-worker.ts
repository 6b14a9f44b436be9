import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * Starts a thread from the file `name` (a path from the caller's folder, without extension), in the sources or in the
 * build. `caller`: `import.meta.url`. The thread has no environment variables but the folder of compiled sources: without
 * it each thread loads the library that strips types, which takes 28 MB and half a second. `port`: its `workerData`.
 */
export function startWorker(
  caller: string,
  name: string,
  resourceLimits: ResourceLimits,
  port?: MessagePort,
): Worker {
  const source = caller.endsWith('.ts');
  const cache = getCompileCacheDir();
  return new Worker(new URL(`./${name}${source ? '.ts' : '.js'}`, caller), {
    name,
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    execArgv: source ? ['--conditions=tailrace-source'] : [],
    resourceLimits,
    ...(port === undefined ? {} : { workerData: port, transferList: [port] }),
  });
}
