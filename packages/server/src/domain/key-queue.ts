/**
 * A queue that is fair between API keys: the next item is the oldest one of the key with the lowest rank. So a key with a
 * hundred items delays the next item of another key by one place only.
 */
export interface KeyQueue<Item> {
  push(item: Item): void;
  /** The next item. It stays in the queue. */
  peek(): Item | undefined;
  /** Removes an item that is served now, and notes that its key was served. */
  serve(item: Item): void;
  /** Removes an item that will not be served. False where it is not in the queue. */
  remove(item: Item): boolean;
  find(wanted: (item: Item) => boolean): Item | undefined;
  /** The items of each key, oldest first. No list is empty. */
  readonly waiting: ReadonlyMap<string, readonly Item[]>;
}

/** The order of keys. */
export interface KeyRanks {
  /** The key with the lowest rank is next; of equal ranks the key that began to wait first. */
  of(keyId: string): number;
  /** An item of this key was served. */
  served(keyId: string): void;
  /** The first item of this key was pushed. */
  waits?(keyId: string): void;
}

/** Creates an empty queue. Default ranks: the key that was served longest ago is next. */
export function createKeyQueue<Item extends { readonly keyId: string }>(
  ranks: KeyRanks = createTurnRanks(),
): KeyQueue<Item> {
  const waiting = new Map<string, Item[]>();

  function nextKey(): string | undefined {
    let next: string | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const key of waiting.keys()) {
      const rank = ranks.of(key);
      if (rank >= lowest) continue;
      next = key;
      lowest = rank;
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
    waiting,
    push(item) {
      const items = waiting.get(item.keyId);
      if (items !== undefined) {
        items.push(item);
        return;
      }
      ranks.waits?.(item.keyId);
      waiting.set(item.keyId, [item]);
    },
    peek() {
      const key = nextKey();
      return key === undefined ? undefined : waiting.get(key)?.[0];
    },
    serve(item) {
      if (remove(item)) ranks.served(item.keyId);
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

/** Keys whose last turn is kept while they have no item in the queue. */
const keysKept = 1024;

/** Ranks by the last turn: the key that was served longest ago is next. */
function createTurnRanks(): KeyRanks {
  /** When each key was served last, oldest first. */
  const turns = new Map<string, number>();
  let turn = 0;
  return {
    of: (keyId) => turns.get(keyId) ?? 0,
    served(keyId) {
      turns.delete(keyId);
      turns.set(keyId, ++turn);
      const [oldest] = turns.keys();
      if (turns.size > keysKept && oldest !== undefined) turns.delete(oldest);
    },
  };
}
