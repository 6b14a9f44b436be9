import { parentPort } from 'node:worker_threads';
import type { FromThread } from './killable-thread.ts';

/** The thread's end of a killable thread: one task after the other, each answered with one message. */
export function serveTasks<Task, Answer>(handle: (task: Task) => Answer | Promise<Answer>): void {
  const send = (message: FromThread<Answer>): void => parentPort?.postMessage(message);
  parentPort?.on('message', async (task: Task) => {
    const begun = performance.now();
    const answer = await handle(task);
    send({ answer, tookMs: performance.now() - begun });
  });
  send('ready');
}
