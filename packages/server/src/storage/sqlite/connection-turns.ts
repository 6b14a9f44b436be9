/** The one connection of a store, for one caller after the other: a transaction is never mixed with another caller's statements. */
export interface ConnectionTurns {
  /** Waits for the turn; the caller calls the function when it is over. */
  take(): Promise<() => void>;
  /** Runs `work` in a turn of its own. */
  run<T>(work: () => T | Promise<T>): Promise<T>;
}

export function createConnectionTurns(): ConnectionTurns {
  let last: Promise<void> = Promise.resolve();

  async function take(): Promise<() => void> {
    const before = last;
    const turn = Promise.withResolvers<void>();
    last = turn.promise;
    await before;
    return turn.resolve;
  }

  return {
    take,
    async run(work) {
      const giveBack = await take();
      try {
        return await work();
      } finally {
        giveBack();
      }
    },
  };
}
