import { parentPort } from 'node:worker_threads';
import { type CompileJob, runJob } from './compile-job.ts';

/** A thread of its own for what takes longer than a turn of the server's event loop may: one job after the other. */
parentPort?.on('message', (job: CompileJob) => parentPort?.postMessage(runJob(job)));
