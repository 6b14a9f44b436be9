import type { EndedSession } from '../../access/ended-sessions.ts';
import type { RedeemedCode, SignInCode } from '../../access/sign-in-codes.ts';
import type { Reloaded } from '../../http/routes/admin-reload.ts';
import type { RunView, TargetView } from '../../http/service-view.ts';
import type { Reading } from '../../telemetry/contract.ts';
import type { SeriesQuery, SeriesTable } from '../../telemetry/series/series.ts';
import type { ServedConfig } from '../serving-processes.ts';

/** What a worker gets first. */
export interface WorkerStart {
  readonly number: number;
  readonly served: ServedConfig;
  /** The sessions of browsers that were signed out. */
  readonly endedSessions: readonly EndedSession[];
  /** Whether the log goes to a terminal. */
  readonly terminal: boolean;
  /** How many runs it may have, until it borrows more. */
  readonly places: number;
}

/** What a worker does for its parent. */
export type WorkerCalls = {
  /** Makes the upstreams of the configuration, and answers requests as a server that starts. Resolves with problems. */
  begin(start: WorkerStart): Promise<readonly string[]>;
  /** Serves from now on. */
  serve(parts: { readonly engine: boolean }): Promise<void>;
  /** The first step of a reload. Resolves with problems. */
  prepare(next: ServedConfig): Promise<readonly string[]>;
  /** The second step: one of both. */
  commit(nothing: undefined): Promise<void>;
  discard(nothing: undefined): Promise<void>;
  /** Answers at once, unless the worker hangs. */
  alive(nothing: undefined): void;
  running(nothing: undefined): number;
  runs(nothing: undefined): Promise<readonly RunView[]>;
  targets(nothing: undefined): Promise<readonly TargetView[]>;
  /** What it has counted; undefined before it serves. */
  reading(nothing: undefined): Reading | undefined;
  /** Refuses new requests; resolves when all runs have ended and all answers have been sent. */
  drain(nothing: undefined): Promise<void>;
  stopAll(nothing: undefined): void;
  /** Gives the places back that it does not use now. */
  returnPlaces(nothing: undefined): Promise<number>;
  /** Knows that this session was signed out, from now on. */
  sessionEnded(session: EndedSession): void;
  /** Closes its ledger; then its parent ends it. */
  close(nothing: undefined): Promise<void>;
};

/** What the parent does for a worker. */
export type ParentCalls = {
  /** Joins this channel of the link to the ledger. */
  joinLedger(channel: number): Promise<void>;
  reload(nothing: undefined): Promise<Reloaded>;
  /** The runs of all workers, oldest first. */
  runs(nothing: undefined): Promise<readonly RunView[]>;
  /** The targets of all workers, added up. */
  targets(nothing: undefined): Promise<readonly TargetView[]>;
  /** The time series of the service. */
  series(query: SeriesQuery): SeriesTable;
  /** What all processes of the service have counted. */
  metrics(nothing: undefined): Promise<Reading>;
  /** Resolves with the number of places that the worker has got; 0 where none is free in the whole service. */
  borrowPlaces(nothing: undefined): Promise<number>;
  /** A code that signs a browser in, for a session of this admin key. */
  issueCode(keyId: string): SignInCode;
  /** Uses a code up. */
  redeemCode(code: string): RedeemedCode;
  /** Resolves when all workers know that this session was signed out. */
  endSession(session: EndedSession): Promise<void>;
};
