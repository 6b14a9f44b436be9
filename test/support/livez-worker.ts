import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * A thread of its own that asks for /livez every 20 ms (see livez-watch.ts): the thread that sends ten megabytes of
 * requests could not tell its own pauses from the server's.
 */

const { port } = workerData as { readonly port: number };
const agent = new Agent({ keepAlive: true, maxSockets: 100 });
/** When each question was asked that has no answer yet. */
const asked = new Set<{ at: number }>();
let worstMs = 0;

function look(question: { at: number }): void {
  worstMs = Math.max(worstMs, performance.now() - question.at);
}

setInterval(() => {
  const question = { at: performance.now() };
  asked.add(question);
  const done = (): void => {
    if (asked.delete(question)) look(question);
  };
  get({ host: '127.0.0.1', port, path: '/livez', agent }, (response) => {
    response.resume().on('end', done);
  }).on('error', done);
}, 20);

parentPort?.on('message', (message: 'begin' | 'end') => {
  if (message === 'begin') {
    worstMs = 0;
    for (const question of asked) question.at = performance.now();
  } else for (const question of asked) look(question);
  parentPort?.postMessage(worstMs);
});
