import { fork } from 'node:child_process';
import type { ThreadWorker } from './killable-thread.ts';

/**
 * A process in the place of a thread, for work that is seldom: what a thread has taken from the system, its process keeps for the most
 * part (15 MB after a search), and a process gives back everything. The file `name` is a path from the caller's folder, without
 * extension; `caller`: `import.meta.url`. The process has no environment variables, and ends with its parent.
 */
export function startProcess<Task extends object, Answer>(
  caller: string,
  name: string,
  maxOldGenerationSizeMb: number,
): ThreadWorker<Task, Answer> {
  const extension = caller.endsWith('.ts') ? '.ts' : '.js';
  const child = fork(new URL(`./${name}${extension}`, caller), [], {
    env: {},
    execArgv: [`--max-old-space-size=${maxOldGenerationSizeMb}`, '--max-semi-space-size=1'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    postMessage: (task) => child.send(task),
    on: child.on.bind(child),
    ref() {
      child.ref();
      child.channel?.ref();
    },
    unref() {
      child.unref();
      child.channel?.unref();
    },
    terminate: async () => child.kill('SIGKILL'),
  };
}
