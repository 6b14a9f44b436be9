/**
 * Runs one reload at a time, and at most one more after it. A reload reads the files when it starts, so all calls that
 * come while one runs share the next one: a thousand SIGHUPs at once are two reloads.
 */
export interface ReloadQueue<T> {
  /** Resolves with the answer of a reload that starts after this call. */
  request(): Promise<T>;
  /** Resolves all waiting and later calls with `answer`. A running reload ends by itself, and its answer is ignored. */
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
    request: () => {
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
