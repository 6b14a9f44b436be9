import { serveTasks } from '../../worker/serve-tasks.ts';
import { runJob } from './compile-job.ts';

/* A thread of its own for what takes longer than a turn of the server's event loop may. */

serveTasks(runJob);
