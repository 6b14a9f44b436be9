import { parentPort } from 'node:worker_threads';
import type { FromThread } from './killable-thread.ts';

/**
 * The loop inside a killable thread: tasks run one after the other, and each gets one message as its answer. Does nothing on the
 * main thread, where the launcher loads the files of threads to have them compiled.
 */
export function serveTasks<Task, Answer>(handle: (task: Task) => Answer | Promise<Answer>): void {
  const send = (message: FromThread<Answer>): void => parentPort?.postMessage(message);
  parentPort?.on('message', async (task: Task) => {
    const begun = performance.now();
    const answer = await handle(task);
    send({ answer, tookMs: performance.now() - begun });
  });
  send('ready');
}
