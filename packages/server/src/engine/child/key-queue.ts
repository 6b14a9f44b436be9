/**
 * What waits, by whose it is: keys take turns, and of one key the oldest comes first, so that a key that sends
 * a hundred requests at once delays another's next one by a single place.
 */
export interface KeyQueue<Item> {
  push(item: Item): void;
  /** The item whose turn it is, left where it is. */
  peek(): Item | undefined;
  /** Takes an item out; the key that had it goes to the end of the turns. False where it is not there. */
  take(item: Item): boolean;
  find(wanted: (item: Item) => boolean): Item | undefined;
}

export function createKeyQueue<Item extends { readonly keyId: string }>(): KeyQueue<Item> {
  /** In the order of their turns; no list is empty. */
  const waiting = new Map<string, Item[]>();
  return {
    push(item) {
      const items = waiting.get(item.keyId);
      if (items === undefined) waiting.set(item.keyId, [item]);
      else items.push(item);
    },
    peek() {
      for (const [first] of waiting.values()) return first;
      return undefined;
    },
    take(item) {
      const items = waiting.get(item.keyId);
      const index = items?.indexOf(item) ?? -1;
      if (items === undefined || index === -1) return false;
      items.splice(index, 1);
      waiting.delete(item.keyId);
      if (items.length > 0) waiting.set(item.keyId, items);
      return true;
    },
    find(wanted) {
      for (const items of waiting.values()) {
        const found = items.find(wanted);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
