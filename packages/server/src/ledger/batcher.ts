/** Groups items: those that come while a batch is under way are the next batch. */
export interface Batcher<Item> {
  add(item: Item): void;
  /** Resolves when everything that has been added until now has been worked on, whatever is added meanwhile. */
  worked(): Promise<void>;
}

/**
 * Creates a batcher. `work` must not reject; `later` begins the first batch, so that all items that come together
 * are in it.
 */
export function createBatcher<Item>(
  work: (items: readonly Item[]) => Promise<void>,
  later: (begin: () => void) => void,
  maxItems = 500,
): Batcher<Item> {
  let waiting: Item[] = [];
  let running = false;
  let added = 0;
  let done = 0;
  let watchers: { readonly from: number; readonly resolve: () => void }[] = [];

  async function run(): Promise<void> {
    await new Promise<void>((resolve) => later(resolve));
    while (waiting.length > 0) {
      const items = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      await work(items);
      done += items.length;
      const served = watchers.filter(({ from }) => from <= done);
      if (served.length > 0) watchers = watchers.filter(({ from }) => from > done);
      for (const { resolve } of served) resolve();
    }
    running = false;
  }

  return {
    add(item) {
      waiting.push(item);
      added += 1;
      if (running) return;
      running = true;
      void run();
    },
    worked() {
      if (done === added) return Promise.resolve();
      return new Promise((resolve) => watchers.push({ from: added, resolve }));
    },
  };
}
