import type { MessagePort } from 'node:worker_threads';

/** What the ledger needs of the configuration; it can be sent to a thread. */
export interface LedgerSettings {
  /**
   * The names of the processes that serve and live, the same for each thread of their ledger. No other process ever has one of
   * them.
   */
  readonly processIds: readonly string[];
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
  /** How long contents are kept. */
  readonly contentRetentionMs: number;
  readonly spoolBytes: number;
  readonly webhook?: { readonly url: string; readonly secret: string };
  /** The `source` of the webhook's events. */
  readonly publicUrl?: string;
}

/** What a thread that serves several processes gets after its settings; one that serves the process that has started it gets nothing. */
export type ToLedgerThread =
  /** Messages of this process come through this port, as bytes. */
  | { readonly type: 'connect'; readonly processId: string; readonly port: MessagePort }
  /** Closes the ledger, and ends the thread. */
  | { readonly type: 'close' };

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
