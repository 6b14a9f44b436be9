import { isMainThread, type MessagePort, workerData } from 'node:worker_threads';
import { loadConfig } from '../config/load-config.ts';
import { serveTasks } from '../worker/serve-tasks.ts';
import type { ThreadSources } from './config-thread.ts';
import { filesThrough } from './files-port.ts';

/* The thread of config-thread.ts, on which a server checks its configuration. */

// Without a thread the file is only compiled, by the launcher.
if (!isMainThread) {
  const files = filesThrough(workerData as MessagePort);
  serveTasks((sources: ThreadSources) => loadConfig({ ...sources, files }));
}
