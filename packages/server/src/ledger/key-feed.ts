import type { KeyBook, Store } from '../storage/contract.ts';
import { newSigningSecret, signingSecretName } from '../storage/signing-secret.ts';

/** Hands changes of keys, owners and the signing secret to every process that serves. */
export interface KeyFeed {
  /** Calls the listener with all keys, then with each change. Resolves with a function that ends this. */
  watch(listener: (book: KeyBook) => void): Promise<() => void>;
  /** Looks for changes now; never rejects. */
  changed(): Promise<void>;
  close(): void;
}

export interface KeyFeedOptions {
  readonly store: Pick<Store, 'keysAfter' | 'secret'>;
  /** Whether other services change keys: then the store is asked each second. */
  readonly shared: boolean;
  every(ms: number, work: () => void): () => void;
}

const pollMs = 1_000;

export function createKeyFeed({ store, shared, every }: KeyFeedOptions): KeyFeed {
  const watchers = new Map<(book: KeyBook) => void, number>();
  let asking: Promise<void> | undefined;
  let again = false;
  const stop = shared ? every(pollMs, () => void changed()) : undefined;

  async function ask(): Promise<void> {
    do {
      again = false;
      if (watchers.size === 0) return;
      const oldest = Math.min(...watchers.values());
      const book = await store.keysAfter(oldest);
      if (book.version === oldest) continue;
      for (const [listener, version] of watchers) {
        if (book.version <= version) continue;
        watchers.set(listener, book.version);
        listener(book);
      }
    } while (again);
  }

  function changed(): Promise<void> {
    // A change that is made while the store is asked may be missing in its answer.
    if (asking !== undefined) again = true;
    asking ??= ask()
      // The store is away: it is asked again later.
      .catch(() => {})
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  return {
    async watch(listener) {
      // The first service over a store makes the secret, before any process reads the book.
      await store.secret(signingSecretName, newSigningSecret);
      const book = await store.keysAfter(0);
      watchers.set(listener, book.version);
      listener(book);
      return () => watchers.delete(listener);
    },
    changed,
    close: () => stop?.(),
  };
}
