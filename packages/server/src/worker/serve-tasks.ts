import { parentPort } from 'node:worker_threads';
import type { FromThread } from './killable-thread.ts';

/**
 * The loop inside a killable thread, or inside a process in its place: tasks run one after the other, and each gets one message as its
 * answer. Does nothing on the main thread of a process without a parent, where the launcher loads these files to have them compiled.
 */
export function serveTasks<Task, Answer>(handle: (task: Task) => Answer | Promise<Answer>): void {
  const isProcess = parentPort === null && process.send !== undefined;
  const send = (message: FromThread<Answer>): void => {
    if (isProcess) process.send?.(message);
    else parentPort?.postMessage(message);
  };
  // Its parent may be killed while a task runs.
  if (isProcess) process.once('disconnect', () => process.exit());
  (isProcess ? process : parentPort)?.on('message', async (task: Task) => {
    const begun = performance.now();
    const answer = await handle(task);
    send({ answer, tookMs: performance.now() - begun });
  });
  send('ready');
}
