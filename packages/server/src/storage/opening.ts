import type { Store, StoreReads } from './contract.ts';
import type { Transfer } from './transfer.ts';

/** A store as its opener returns it: the seam, and what `tailrace db` needs. */
export interface OpenedStore extends Store, Transfer {}

/** A store opened for reading only. Its opener closes it. */
export interface OpenedReader extends StoreReads, Pick<Transfer, 'exportRows'> {
  close(): Promise<void>;
}

/**
 * Why a store cannot be opened. `locked`: another process uses the data folder. `missing`: there is no database to read.
 * `newer-schema`: a newer version of Tailrace has changed it. `older-schema`: it is only to be read, and nothing has brought its
 * tables to this version. `unreachable` and `refused` are of PostgreSQL: no connection, or one that may not be used.
 */
export type OpeningFailureReason =
  | 'locked'
  | 'missing'
  | 'unwritable'
  | 'not-a-database'
  | 'full'
  | 'newer-schema'
  | 'older-schema'
  | 'unreachable'
  | 'refused'
  | 'fault';

export interface OpeningFailure {
  readonly ok: false;
  readonly reason: OpeningFailureReason;
  /** For the operator: what was found, where, and what to do. Without a full stop, and without passwords. */
  readonly message: string;
  /** Of `locked`: the process that uses the data folder, in words, for a caller with other advice than that of a server. */
  readonly holder?: string;
}

/** What opening a store has done to its tables. */
export interface SchemaVersions {
  /** 0: there were none. */
  readonly before: number;
  readonly now: number;
}

export type StoreOpening =
  | { readonly ok: true; readonly store: OpenedStore; readonly schema: SchemaVersions }
  | OpeningFailure;
export type ReaderOpening = { readonly ok: true; readonly reader: OpenedReader } | OpeningFailure;
