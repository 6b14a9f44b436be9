import { serveTasks } from '../../worker/serve-tasks.ts';
import { runJob } from './compile-job.ts';

/* The thread for compilations that would block the server's event loop for too long. */

serveTasks(runJob);
