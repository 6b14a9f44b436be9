import type { ReaderOpening, StoreOpening } from './opening.ts';

export interface StoreOptions {
  /** The data folder; the SQLite database lies in it. */
  readonly dataDir: string;
  /** `postgres://…`; absent: SQLite. */
  readonly databaseUrl?: string;
  /** Unix milliseconds. PostgreSQL has a clock of its own for beats. */
  readonly now: () => number;
  /** Whether settled records and budgets that fill up become events for the webhook. */
  readonly outbox?: boolean;
  /** For the message of another process that wants the data folder. */
  readonly holder?: { readonly pid: number; readonly address?: string };
}

/** Opens the store that the configuration names. Never rejects; the caller closes the store. */
export async function openStore(options: StoreOptions): Promise<StoreOpening> {
  // Each adapter is loaded only where it is used: the libraries of both take 100 ms to load.
  if (options.databaseUrl === undefined) {
    const { openSqliteStore } = await import('./sqlite/open-sqlite-store.ts');
    return openSqliteStore(options);
  }
  const { openPostgresStore } = await import('./postgres/open-postgres-store.ts');
  return openPostgresStore({ url: options.databaseUrl, outbox: options.outbox ?? false });
}

/**
 * Opens the store that the configuration names for reading only, also while a server uses it. It changes nothing, and so
 * brings no schema forward: one of another version is refused. Never rejects; the caller closes the reader.
 */
export async function openStoreReader(
  options: Pick<StoreOptions, 'dataDir' | 'databaseUrl' | 'now'>,
): Promise<ReaderOpening> {
  if (options.databaseUrl === undefined) {
    const { openSqliteReader } = await import('./sqlite/open-sqlite-store.ts');
    return openSqliteReader(options);
  }
  const { openPostgresReader } = await import('./postgres/open-postgres-store.ts');
  return openPostgresReader({ url: options.databaseUrl });
}
