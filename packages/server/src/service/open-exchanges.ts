/** Counts exchanges from the head of the request to the last byte of the answer. */
export interface OpenExchanges {
  begin(): void;
  end(): void;
  /** Resolves when no exchange is open; at once where none is. */
  none(): Promise<void>;
}

export function createOpenExchanges(): OpenExchanges {
  let count = 0;
  let waiters: (() => void)[] = [];
  return {
    begin: () => {
      count += 1;
    },
    end: () => {
      count -= 1;
      if (count > 0) return;
      for (const wake of waiters) wake();
      waiters = [];
    },
    none: () => (count === 0 ? Promise.resolve() : new Promise<void>((resolve) => waiters.push(resolve))),
  };
}
