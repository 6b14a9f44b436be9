import type { Store } from '../storage/contract.ts';
import { newSigningSecret, signingSecretName } from '../storage/signing-secret.ts';
import type { After } from './after.ts';
import type { KeyListener } from './contract.ts';

/** Hands changes of keys, owners and the signing secret to every process that serves. */
export interface KeyFeed {
  /** Calls the listener with all keys, then with each change. Resolves with a function that ends this. */
  watch(listener: KeyListener): Promise<() => void>;
  /** Looks for changes now. Resolves when all listeners have taken them over, or after {@link takenMs}. Never rejects. */
  changed(): Promise<void>;
  close(): void;
}

export interface KeyFeedOptions {
  readonly store: Pick<Store, 'keysAfter' | 'secret'>;
  /** Whether other services change keys: then the store is asked each second. */
  readonly shared: boolean;
  every(ms: number, work: () => void): () => void;
  readonly after: After;
}

const pollMs = 1_000;
/** A process that stands still must not hold up the others: it takes a change over when it goes on. */
const takenMs = 1_000;

export function createKeyFeed({ store, shared, every, after }: KeyFeedOptions): KeyFeed {
  const watchers = new Map<KeyListener, number>();
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
      const behind = [...watchers].filter(([, version]) => version < book.version);
      for (const [listener] of behind) watchers.set(listener, book.version);
      await taken(behind.map(async ([listener]) => listener(book)));
    } while (again);
  }

  function taken(takeovers: readonly Promise<unknown>[]): Promise<void> {
    return new Promise((resolve) => {
      const stopWaiting = after(takenMs, resolve);
      void Promise.allSettled(takeovers).then(() => {
        stopWaiting();
        resolve();
      });
    });
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
      await listener(book);
      return () => watchers.delete(listener);
    },
    changed,
    close: () => stop?.(),
  };
}
