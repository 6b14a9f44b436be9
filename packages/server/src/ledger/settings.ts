/** What the ledger needs of the configuration; it can be sent to a thread. */
export interface LedgerSettings {
  /** The name of the process that serves, the same for each thread of its ledger. No other process ever has the same. */
  readonly processId: string;
  readonly dataDir: string;
  /** Where the service listens, for the message of another one that wants its data folder. */
  readonly address?: string;
  /** PostgreSQL; absent: SQLite in `dataDir`. */
  readonly databaseUrl?: string;
  /** Redis or Valkey; absent: limits are counted in memory. */
  readonly redisUrl?: string;
  readonly onStoreFailure: 'deny' | 'share';
  readonly replicas: number;
  readonly retentionMs: number;
  readonly spoolBytes: number;
  readonly webhook?: { readonly url: string; readonly secret: string };
  /** The `source` of the webhook's events. */
  readonly publicUrl?: string;
}

/** What the thread says to the process that has started it. */
export type FromLedgerThread =
  | { readonly type: 'ready' }
  /** `wrong`: the operator has to change something. */
  | { readonly type: 'failed'; readonly message: string; readonly wrong: boolean }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields?: Readonly<Record<string, string | number>>;
    };
