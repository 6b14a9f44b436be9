/** Where a browser keeps chats, one entry each. Every call rejects where it cannot. */
export interface ChatStore {
  /** Writes what `change` makes of the entry, with nobody writing between. */
  update(id: string, change: (kept: unknown) => unknown): Promise<void>;
  read(id: string): Promise<unknown>;
  all(): Promise<readonly unknown[]>;
  remove(id: string): Promise<void>;
}

/** Over IndexedDB. The library is loaded with the first call: who only looks needs none. */
export function createBrowserStore(): ChatStore {
  const opened = once(async () => {
    const library = await import('idb-keyval');
    return { library, store: library.createStore('tailrace-chats', 'chats') };
  });
  return {
    async update(id, change) {
      const { library, store } = await opened();
      await library.update(id, change, store);
    },
    async read(id) {
      const { library, store } = await opened();
      return await library.get(id, store);
    },
    async all() {
      const { library, store } = await opened();
      return await library.values(store);
    },
    async remove(id) {
      const { library, store } = await opened();
      await library.del(id, store);
    },
  };
}

/** Makes a thing at the first call. After a failure the next call tries again. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
