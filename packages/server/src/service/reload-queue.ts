/**
 * Runs one reload at a time, and lets no more than one wait: each reads the files as they are when its turn
 * comes, so all calls that arrive while one runs share the next. A thousand hang-ups at once are two reloads.
 */
export interface ReloadQueue<T> {
  ask(): Promise<T>;
  /** Resolves every waiting and every later call with `answer`. The reload that runs ends, and its answer is dropped. */
  close(answer: T): void;
}

/** `run` never rejects. */
export function createReloadQueue<T>(run: () => Promise<T>): ReloadQueue<T> {
  const waiting = new Set<(answer: T) => void>();
  let next = new Set<(answer: T) => void>();
  let closed: { readonly answer: T } | undefined;

  async function work(): Promise<void> {
    while (next.size > 0 && closed === undefined) {
      for (const resolve of next) waiting.add(resolve);
      next = new Set();
      const answer = await run();
      for (const resolve of waiting) resolve(answer);
      waiting.clear();
    }
    working = false;
  }

  let working = false;
  return {
    ask: () => {
      if (closed !== undefined) return Promise.resolve(closed.answer);
      return new Promise((resolve) => {
        next.add(resolve);
        if (working) return;
        working = true;
        void work();
      });
    },
    close(answer) {
      closed = { answer };
      for (const resolve of [...waiting, ...next]) resolve(answer);
      waiting.clear();
      next.clear();
    },
  };
}
