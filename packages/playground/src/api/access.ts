import { createSignal } from '../signals/signal.ts';
import { type Connection, createConnection, type ServedModel } from './connection.ts';
import type { PageFailure } from './failure.ts';
import { keptKeyName } from './kept-key.ts';
import { beginSession, endSession, hasProvider, readSession } from './session.ts';

export interface AccessState {
  readonly status: 'looking' | 'refused' | 'open';
  /** Why the key, the code or the session was not taken. */
  readonly failure?: PageFailure | undefined;
  readonly models: readonly ServedModel[];
  /** The console has its data: the sender may ask the administration. */
  readonly isAdmin: boolean;
}

/** Whether this tab may ask the server, and by what: a key that the tab keeps, the session of the browser, or nothing at all. */
export interface Access {
  readonly state: () => AccessState;
  /** Calls back after each change. Returns the function that ends this. */
  readonly subscribe: (changed: () => void) => () => void;
  connection(): Connection;
  /** Looks whether the page may ask the server: by the code it was opened with, the kept key, the session, or without any. */
  open(): Promise<void>;
  /** An admin key begins a session of the browser and is forgotten; any other key stays in the tab. */
  signIn(key: string): Promise<void>;
  /** Whether one can sign in by a provider. */
  readonly hasProvider: () => Promise<boolean>;
  signOut(): void;
}

export interface AccessParts {
  readonly fetch: typeof window.fetch;
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** The code of the one-time address by which the page was opened; only the first call gives it. */
  takeCode(): string | undefined;
}

const keyEnded: ReadonlySet<string> = new Set(['invalid_api_key', 'expired_api_key']);

export function createAccess({ fetch, storage, takeCode }: AccessParts): Access {
  const signal = createSignal<AccessState>({ status: 'looking', models: [], isAdmin: false });
  /** Asks with the session of the browser, where it has one. */
  const keyless = createConnection(fetch, undefined);
  let connection = createConnection(fetch, storage.getItem(keptKeyName) ?? undefined);

  function refuse(failure: PageFailure | undefined): void {
    signal.set({ status: 'refused', failure, models: [], isAdmin: false });
  }

  /** Opens the page if this connection is taken; else says why not. */
  async function enter(by: Connection): Promise<PageFailure | undefined> {
    const listed = await by.models();
    if (!listed.ok) return listed.failure;
    const session = await readSession(by);
    connection = by;
    signal.set({ status: 'open', models: listed.value, isAdmin: session?.isAdmin === true });
    return undefined;
  }

  return {
    state: signal.get,
    subscribe: signal.subscribe,
    connection: () => connection,
    async open() {
      const code = takeCode();
      if (code !== undefined) {
        const begun = await beginSession(keyless, { code });
        if (!begun.ok) return refuse(begun.failure);
        storage.removeItem(keptKeyName);
        connection = keyless;
      }
      const failure = await enter(connection);
      if (failure === undefined) return;
      // Nobody has signed in yet: that is no failure.
      refuse(storage.getItem(keptKeyName) === null ? undefined : failure);
      // Where a key and a session come, the key decides: one that holds no more would hide each session that is begun.
      if (keyEnded.has(failure.code)) storage.removeItem(keptKeyName);
    },
    hasProvider: () => hasProvider(keyless),
    async signIn(key) {
      const keyed = createConnection(fetch, key);
      const session = await readSession(keyed);
      if (session?.isAdmin !== true) {
        const failure = await enter(keyed);
        if (failure !== undefined) return refuse(failure);
        storage.setItem(keptKeyName, key);
        return;
      }
      const begun = await beginSession(keyed, {});
      const failure = begun.ok ? await enter(keyless) : begun.failure;
      if (failure !== undefined) refuse(failure);
    },
    signOut() {
      void endSession(keyless);
      storage.removeItem(keptKeyName);
      connection = keyless;
      refuse(undefined);
    },
  };
}
