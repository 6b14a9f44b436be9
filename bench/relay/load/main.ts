import type { LoadJob, LoadReport } from './load-job.ts';
import { runRequests } from './requests.ts';
import { SilentStreams } from './silent-streams.ts';
import { runStreams } from './streams.ts';

/*
 * The load, a process of its own: it takes jobs from the process that forked it and reports what it saw (`load-job.ts`).
 */

const silent = new SilentStreams();

function report(message: LoadReport): void {
  process.send?.(message);
}

async function run(job: LoadJob): Promise<void> {
  switch (job.kind) {
    case 'streams':
      return runStreams(job, report);
    case 'requests':
      return runRequests(job, report);
    case 'open':
      await silent.open(job.target, job.streams);
      return report({ kind: 'done' });
    case 'close':
      silent.close();
      return report({ kind: 'done' });
  }
}

process.on('message', (job: LoadJob) => {
  run(job).catch((error: unknown) => {
    report({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  });
});
process.on('disconnect', () => process.exit(0));
