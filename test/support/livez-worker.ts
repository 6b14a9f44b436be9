import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * A thread of its own that asks for /livez every 20 ms (see livez-watch.ts): the thread that sends ten megabytes of
 * requests could not distinguish its own pauses from the server's. Where this thread itself is late, on a machine with
 * more busy threads than processors, that time is subtracted.
 */

const { port } = workerData as { readonly port: number };
const agent = new Agent({ keepAlive: true, maxSockets: 100 });
const everyMs = 20;
/** When each request without an answer was sent. */
const asked = new Set<{ at: number }>();
let seen = { probes: 0, longestMs: 0, failed: 0 };
let dueMs = performance.now();

function look(question: { at: number }): void {
  seen.longestMs = Math.max(seen.longestMs, performance.now() - question.at);
}

function ask(): void {
  const lateMs = Math.max(0, performance.now() - dueMs);
  for (const question of asked) question.at += lateMs;
  dueMs = performance.now() + everyMs;
  setTimeout(ask, everyMs);
  const question = { at: performance.now() };
  asked.add(question);
  const done = (good: boolean): void => {
    if (!asked.delete(question)) return;
    look(question);
    seen.probes += 1;
    if (!good) seen.failed += 1;
  };
  get({ host: '127.0.0.1', port, path: '/livez', agent }, (response) => {
    response.resume().on('end', () => done(response.statusCode === 200));
  }).on('error', () => done(false));
}

ask();
parentPort?.on('message', (message: 'begin' | 'look') => {
  if (message === 'begin') for (const question of asked) question.at = performance.now();
  else for (const question of asked) look(question);
  parentPort?.postMessage(seen);
  seen = { probes: 0, longestMs: 0, failed: 0 };
});
