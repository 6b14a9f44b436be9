import { createKeyQueue } from '../../domain/key-queue.ts';

interface Work {
  readonly keyId: string;
  /** Never rejects. */
  run(): Promise<void>;
}

/** A queue of work that runs one after the other; keys take turns. */
export interface KeyLine {
  add(keyId: string, run: () => Promise<void>): void;
}

export function createKeyLine(): KeyLine {
  const queue = createKeyQueue<Work>();
  let running = false;

  async function runAll(): Promise<void> {
    if (running) return;
    running = true;
    for (let work = queue.peek(); work !== undefined; work = queue.peek()) {
      queue.serve(work);
      await work.run();
    }
    running = false;
  }

  return {
    add(keyId, run) {
      queue.push({ keyId, run });
      void runAll();
    },
  };
}
