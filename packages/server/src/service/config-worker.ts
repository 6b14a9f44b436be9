import { type MessagePort, workerData } from 'node:worker_threads';
import { loadConfig } from '../config/load-config.ts';
import { serveTasks } from '../worker/serve-tasks.ts';
import type { ThreadSources } from './config-thread.ts';
import { filesBehind } from './files-port.ts';

/* The thread on which a running server checks its configuration again: see config-thread.ts. */

const files = filesBehind(workerData as MessagePort);
serveTasks((sources: ThreadSources) => loadConfig({ ...sources, files }));
