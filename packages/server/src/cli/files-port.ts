import type { MessagePort } from 'node:worker_threads';
import type { ConfigFiles } from '../config/config-files.ts';

/*
 * The thread that checks configurations has no disk of its own: it asks the main thread. So reads that do not come
 * back are counted in one place for the whole process (`config/read-text-file.ts`), and the thread can always be
 * ended, for a thread that waits for the disk cannot.
 */

type Question =
  | { readonly id: number; readonly ask: 'read'; readonly path: string; readonly reload: boolean }
  | { readonly id: number; readonly ask: 'isFile'; readonly path: string };

interface Answer {
  readonly id: number;
  readonly answer: unknown;
}

/** The main thread's end. The port keeps no process alive. */
export function answerFiles(port: MessagePort, files: ConfigFiles): void {
  port.on('message', async (question: Question) => {
    const answer =
      question.ask === 'read'
        ? await files.read(question.path, question.reload)
        : await files.isFile(question.path);
    port.postMessage({ id: question.id, answer } satisfies Answer);
  });
  port.unref();
}

/** The thread's end: the files of the main thread. */
export function filesBehind(port: MessagePort): ConfigFiles {
  const waiting = new Map<number, (answer: unknown) => void>();
  let last = 0;
  port.on('message', ({ id, answer }: Answer) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });

  const ask = async (question: (id: number) => Question): Promise<unknown> => {
    last += 1;
    const id = last;
    return await new Promise((resolve) => {
      waiting.set(id, resolve);
      port.postMessage(question(id));
    });
  };
  return {
    read: async (path, reload) =>
      (await ask((id) => ({ id, ask: 'read', path, reload }))) as Awaited<ReturnType<ConfigFiles['read']>>,
    isFile: async (path) => (await ask((id) => ({ id, ask: 'isFile', path }))) === true,
  };
}
