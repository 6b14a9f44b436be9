import type { MessagePort } from 'node:worker_threads';
import type { ConfigFiles } from '../config/config-files.ts';
import type { ReadText } from '../config/read-text-file.ts';

/*
 * The thread that checks configurations does not read files: it asks the main thread for them through a port. So one place
 * counts the reads of the whole process that do not come back (`config/read-text-file.ts`). And the thread can be ended at
 * any time; a thread that waits for the disk could not.
 */

interface Question {
  readonly id: number;
  readonly ask: keyof ConfigFiles;
  readonly path: string;
  readonly reload: boolean;
}

/** `bug`: the read has thrown. This ends the task of the thread, not the process. */
type Answer =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly bug: string };

/** For the main thread: answers the questions that come through the port. The port keeps no process alive. */
export function answerFileQuestions(port: MessagePort, files: ConfigFiles): void {
  const send = (answer: Answer): void => port.postMessage(answer);
  port.on('message', ({ id, ask, path, reload }: Question) => {
    const reading = ask === 'isFile' ? files.isFile(path) : files[ask](path, reload);
    reading.then(
      (answer: unknown) => send({ id, answer }),
      (thrown: unknown) => send({ id, bug: String(thrown) }),
    );
  });
  port.unref();
}

/** For the thread: the files of the main thread. */
export function filesThrough(port: MessagePort): ConfigFiles {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  port.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('bug' in answer) asked?.reject(new Error(answer.bug));
    else asked?.resolve(answer.answer);
  });

  function send(ask: Question['ask'], path: string, reload = false): Promise<unknown> {
    last += 1;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(last, asked);
    port.postMessage({ id: last, ask, path, reload } satisfies Question);
    return asked.promise;
  }
  return {
    read: async (path, reload) => (await send('read', path, reload)) as ReadText,
    readLarge: async (path, reload) => (await send('readLarge', path, reload)) as ReadText,
    isFile: async (path) => (await send('isFile', path)) === true,
  };
}
