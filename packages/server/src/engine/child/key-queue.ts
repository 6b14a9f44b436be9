/**
 * What waits, by whose it is: keys take turns, and of one key the oldest comes first, so that a key that sends
 * a hundred requests at once delays another's next one by a single place.
 */
export interface KeyQueue<Item> {
  push(item: Item): void;
  /** The item whose turn it is, left where it is. */
  peek(): Item | undefined;
  /** Takes an item out, and its key has had its turn. */
  serve(item: Item): void;
  /** Takes an item out that will not be served. False where it is not there. */
  remove(item: Item): boolean;
  find(wanted: (item: Item) => boolean): Item | undefined;
}

/** Keys whose last turn is remembered while they have nothing waiting. */
const keysKept = 1024;

export function createKeyQueue<Item extends { readonly keyId: string }>(): KeyQueue<Item> {
  /** No list is empty. */
  const waiting = new Map<string, Item[]>();
  /** When each key was served last, oldest first. */
  const turns = new Map<string, number>();
  let turn = 0;

  function nextKey(): string | undefined {
    let next: string | undefined;
    let oldest = Number.POSITIVE_INFINITY;
    for (const key of waiting.keys()) {
      const servedAt = turns.get(key) ?? 0;
      if (servedAt >= oldest) continue;
      next = key;
      oldest = servedAt;
    }
    return next;
  }

  function remove(item: Item): boolean {
    const items = waiting.get(item.keyId);
    const index = items?.indexOf(item) ?? -1;
    if (items === undefined || index === -1) return false;
    items.splice(index, 1);
    if (items.length === 0) waiting.delete(item.keyId);
    return true;
  }

  return {
    push(item) {
      const items = waiting.get(item.keyId);
      if (items === undefined) waiting.set(item.keyId, [item]);
      else items.push(item);
    },
    peek() {
      const key = nextKey();
      return key === undefined ? undefined : waiting.get(key)?.[0];
    },
    serve(item) {
      if (!remove(item)) return;
      turns.delete(item.keyId);
      turns.set(item.keyId, ++turn);
      const [oldest] = turns.keys();
      if (turns.size > keysKept && oldest !== undefined) turns.delete(oldest);
    },
    remove,
    find(wanted) {
      for (const items of waiting.values()) {
        const found = items.find(wanted);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
