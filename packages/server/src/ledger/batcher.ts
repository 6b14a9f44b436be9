/** Groups items: those that come while a batch is under way are the next batch. */
export interface Batcher<Item> {
  add(item: Item): void;
  /** Resolves when everything that was added has been worked on. */
  idle(): Promise<void>;
}

/**
 * Creates a batcher. `work` must not reject; `later` begins the first batch, so that all items of one turn of the event loop
 * are in it.
 */
export function createBatcher<Item>(
  work: (items: readonly Item[]) => Promise<void>,
  later: (begin: () => void) => void,
  maxItems = 500,
): Batcher<Item> {
  let waiting: Item[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    await new Promise<void>((resolve) => later(resolve));
    while (waiting.length > 0) {
      const items = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      await work(items);
    }
    running = undefined;
  }

  return {
    add(item) {
      waiting.push(item);
      running ??= run();
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}
