import { createKeyQueue, type KeyRanks } from '../domain/key-queue.ts';

/** Tasks that wait for a thread, by key and bounded: what one key sends never costs another key its place. */
export interface FairQueue<Item> {
  /**
   * Puts an item in. Returns the item that has no place now, where there is one: the newest of the key that has most
   * waiting, which may be the item itself.
   */
  push(item: Item): Item | undefined;
  /** Takes out the item whose turn it is. */
  take(): Item | undefined;
  /** Takes out an item that is not served. False where it is not there. */
  remove(item: Item): boolean;
  /** Takes out all that waits of a key. */
  removeKey(keyId: string): readonly Item[];
  /** Takes out all. */
  clear(): readonly Item[];
  all(): readonly Item[];
  readonly size: number;
}

/** `most`: items that wait, over all keys. */
export function createFairQueue<Item extends { readonly keyId: string }>(
  ranks: KeyRanks,
  most: number,
): FairQueue<Item> {
  const queue = createKeyQueue<Item>(ranks);
  let size = 0;

  const countOf = (keyId: string): number => queue.waiting.get(keyId)?.length ?? 0;
  const all = (): readonly Item[] => [...queue.waiting.values()].flat();

  /** The newest item of the key that has most, where that are more than `count`. */
  function newestOfLargest(count: number): Item | undefined {
    let largest: readonly Item[] = [];
    for (const items of queue.waiting.values()) if (items.length > largest.length) largest = items;
    return largest.length > count ? largest.at(-1) : undefined;
  }

  function remove(item: Item): boolean {
    const removed = queue.remove(item);
    if (removed) size -= 1;
    return removed;
  }

  function removeEach(items: readonly Item[]): readonly Item[] {
    for (const item of items) remove(item);
    return items;
  }

  return {
    push(item) {
      let displaced: Item | undefined;
      if (size >= most) {
        displaced = newestOfLargest(countOf(item.keyId) + 1);
        if (displaced === undefined) return item;
        remove(displaced);
      }
      queue.push(item);
      size += 1;
      return displaced;
    },
    take() {
      const item = queue.peek();
      if (item === undefined) return undefined;
      queue.serve(item);
      size -= 1;
      return item;
    },
    remove,
    removeKey: (keyId) => removeEach([...(queue.waiting.get(keyId) ?? [])]),
    clear: () => removeEach(all()),
    all,
    get size() {
      return size;
    },
  };
}
