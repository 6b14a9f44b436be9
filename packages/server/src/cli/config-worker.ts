import { loadConfig } from '../config/load-config.ts';
import { serveTasks } from '../worker/serve-tasks.ts';

/* The thread on which a running server reads its configuration again: see config-thread.ts. */

serveTasks(loadConfig);
