import { type MessagePort, workerData } from 'node:worker_threads';
import { loadConfig } from '../config/load-config.ts';
import { serveTasks } from '../worker/serve-tasks.ts';
import type { ThreadSources } from './config-thread.ts';
import { filesThrough } from './files-port.ts';

/* The thread of config-thread.ts, on which a running server checks its configuration for a reload. */

const files = filesThrough(workerData as MessagePort);
serveTasks((sources: ThreadSources) => loadConfig({ ...sources, files }));
