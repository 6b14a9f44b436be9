/** The newest things of a kind. What was dropped is counted, so that numbers stay true. */
export interface BoundedList<Item> {
  readonly items: readonly Item[];
  readonly dropped: number;
  add(item: Item): void;
}

export interface Bounds<Item> {
  readonly maxItems: number;
  /** Of all items together, in the unit of `sizeOf`. */
  readonly maxSize: number;
  sizeOf(item: Item): number;
}

/** The last item always stays, however large it is. */
export function createBoundedList<Item>({ maxItems, maxSize, sizeOf }: Bounds<Item>): BoundedList<Item> {
  const items: Item[] = [];
  let size = 0;
  let dropped = 0;
  return {
    items,
    get dropped() {
      return dropped;
    },
    add(item) {
      items.push(item);
      size += sizeOf(item);
      if (items.length <= maxItems && size <= maxSize) return;
      // A tenth at least: to move the whole list for each item would cost more than the item.
      let gone = 0;
      while (gone < items.length - 1) {
        const fits = items.length - gone <= maxItems * 0.9 && size <= maxSize * 0.9;
        if (fits) break;
        size -= sizeOf(items[gone] as Item);
        gone += 1;
      }
      items.splice(0, gone);
      dropped += gone;
    },
  };
}
