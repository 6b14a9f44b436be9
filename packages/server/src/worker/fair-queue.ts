import { createKeyQueue, type KeyRanks } from '../domain/key-queue.ts';

/** A bounded queue of tasks by key: the tasks of one key never take the places of another. */
export interface FairQueue<Item> {
  /**
   * Adds an item. Returns the item that lost its place, where the queue is full: the newest item of the key with the
   * most items, which may be the added item.
   */
  push(item: Item): Item | undefined;
  /** Removes and returns the item whose turn it is. */
  take(): Item | undefined;
  /** Removes an item. False where the queue does not have it. */
  remove(item: Item): boolean;
  /** Removes and returns all items of a key. */
  removeKey(keyId: string): readonly Item[];
  /** Removes and returns all items. */
  clear(): readonly Item[];
  all(): readonly Item[];
  readonly size: number;
}

/** `most`: the most items, over all keys. */
export function createFairQueue<Item extends { readonly keyId: string }>(
  ranks: KeyRanks,
  most: number,
): FairQueue<Item> {
  const queue = createKeyQueue<Item>(ranks);
  let size = 0;

  const countOf = (keyId: string): number => queue.waiting.get(keyId)?.length ?? 0;
  const all = (): readonly Item[] => [...queue.waiting.values()].flat();

  /** The newest item of the key with the most items, where it has more than `count`. */
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
