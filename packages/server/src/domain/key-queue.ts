/**
 * What waits, by whose it is: the key of the lowest rank is next, and of one key the oldest item comes first, so
 * that a key with a hundred items delays the next item of another key by a single place.
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
  /** What waits of each key, oldest first; no list is empty. */
  readonly waiting: ReadonlyMap<string, readonly Item[]>;
}

/** Decides between keys. */
export interface KeyRanks {
  /** The lowest is next; of equal ones the key that began to wait first. */
  of(keyId: string): number;
  /** An item of this key was served. */
  served(keyId: string): void;
  /** This key had nothing waiting, and begins to wait. */
  waits?(keyId: string): void;
}

/** Default: keys take turns. */
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

/** Keys whose last turn is remembered while they have nothing waiting. */
const keysKept = 1024;

/** The key that was served longest ago is next. */
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
