import { monotonicUs, promptOf, tagCount } from '../record.ts';
import { ClientConnection, requestTo } from './client-connection.ts';
import type { LoadJob, LoadReport } from './load-job.ts';
import { AnswerClock, measureIn, Window } from './window.ts';

type StreamsJob = Extract<LoadJob, { kind: 'streams' }>;

/**
 * Keeps `slots` streams open, in each slot one after the other, and measures them after the warm-up. Ends when the last
 * stream has: each is checked, whether it was measured or not. Rejects at the first that is not whole.
 */
export async function runStreams(job: StreamsJob, report: (report: LoadReport) => void): Promise<void> {
  const { order, slots, target, keepAlive } = job;
  const connections = Array.from({ length: slots }, () => new ClientConnection(target));
  const bytesSoFar = () => connections.reduce((sum, { bytes }) => sum + bytes, 0);
  const window = new Window(job.pids, job.upstreamPid, bytesSoFar);
  const streamMs = (order.records * order.intervalUs) / 1e3;
  let stopping = false;
  let tag = 0;

  function runSlot(connection: ClientConnection, index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const clock = new AnswerClock(window, next, (reason) => reject(new Error(reason)));
      function next(): void {
        if (stopping) {
          connection.close();
          resolve();
          return;
        }
        tag = (tag + 1) % tagCount;
        if (window.isOpen) window.offered += 1;
        const request = requestTo(target, promptOf(tag, order), keepAlive);
        clock.begin(monotonicUs());
        connection.ask(request, tag, order.records, clock);
      }
      // Spread over the length of one stream, so that streams begin and end at an even pace.
      setTimeout(next, order.together ? 0 : (index / slots) * streamMs);
    });
  }

  const running = Promise.all(connections.map(runSlot));
  try {
    const result = await measureIn(window, job, running, report);
    stopping = true;
    await running;
    report({ kind: 'result', result });
  } finally {
    stopping = true;
    for (const connection of connections) connection.close();
  }
}
