/**
 * Keeps values by name. A value belongs to the key that used it last, and both `get` and `set` use it. When the cache is
 * full, one key loses its least recently used value. This is the key of the new value where it exceeds an equal part of the
 * cache, else the key that holds most. So a key that fills the cache displaces only its own values.
 */
export interface KeyCache<Value> {
  /** Undefined where the cache has none. The value belongs to this key from now on, as its most recently used one. */
  get(keyId: string, name: string): Value | undefined;
  /** `size`: in the unit of `maxSize`. Default: 1. A value that is larger than `maxSize` is not kept. */
  set(keyId: string, name: string, value: Value, size?: number): void;
}

export interface KeyCacheBounds {
  readonly maxEntries: number;
  /** Bound of the sum of all sizes. Default: none. */
  readonly maxSize?: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly size: number;
  readonly owner: Owner;
}

interface Owner {
  readonly keyId: string;
  /** Least recently used first. */
  readonly names: Set<string>;
  size: number;
}

export function createKeyCache<Value>({
  maxEntries,
  maxSize = Number.POSITIVE_INFINITY,
}: KeyCacheBounds): KeyCache<Value> {
  const entries = new Map<string, Entry<Value>>();
  const owners = new Map<string, Owner>();
  let size = 0;

  function ownerOf(keyId: string): Owner {
    const known = owners.get(keyId);
    if (known !== undefined) return known;
    const fresh: Owner = { keyId, names: new Set(), size: 0 };
    owners.set(keyId, fresh);
    return fresh;
  }

  function drop(name: string): Entry<Value> | undefined {
    const entry = entries.get(name);
    if (entry === undefined) return undefined;
    const { owner } = entry;
    entries.delete(name);
    size -= entry.size;
    owner.names.delete(name);
    owner.size -= entry.size;
    if (owner.names.size === 0) owners.delete(owner.keyId);
    return entry;
  }

  function put(keyId: string, name: string, value: Value, entrySize: number): void {
    const owner = ownerOf(keyId);
    entries.set(name, { value, size: entrySize, owner });
    size += entrySize;
    owner.names.add(name);
    owner.size += entrySize;
  }

  /** The owner that loses a value. All owners are compared only where `last` holds no more than an equal part. */
  function ownerToEvict(last: Owner, amount: (owner: Owner) => number, max: number): Owner {
    if (amount(last) * owners.size > max) return last;
    let most = last;
    for (const owner of owners.values()) if (amount(owner) > amount(most)) most = owner;
    return most;
  }

  function makeRoom(last: Owner): void {
    while (entries.size > maxEntries || size > maxSize) {
      const { names } =
        entries.size > maxEntries
          ? ownerToEvict(last, (owner) => owner.names.size, maxEntries)
          : ownerToEvict(last, (owner) => owner.size, maxSize);
      const [oldest] = names;
      if (oldest === undefined) return;
      drop(oldest);
    }
  }

  return {
    get(keyId, name) {
      const entry = drop(name);
      if (entry !== undefined) put(keyId, name, entry.value, entry.size);
      return entry?.value;
    },
    set(keyId, name, value, entrySize = 1) {
      drop(name);
      put(keyId, name, value, entrySize);
      makeRoom(ownerOf(keyId));
    },
  };
}
