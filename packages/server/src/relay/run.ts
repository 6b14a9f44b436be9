import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';

/** Why a run was stopped from outside. */
export type StopReason =
  | { readonly type: 'client-gone' }
  | { readonly type: 'failed'; readonly failure: Failure };

/**
 * One completion at work. It owns its abort and its clock; a connection is only a reader of it, and what
 * losing that reader means is policy (today: the run is stopped).
 */
export interface Run {
  /** `chatcmpl-…`, also the id of the usage record. */
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  /** The id or alias the client asked for. */
  readonly model: string;
  readonly stream: boolean;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly signal: AbortSignal;
  /** Upstream and model that were asked last, and serve it once it has committed. */
  target: string | undefined;
  /** The first call decides; later ones change nothing. */
  stop(reason: StopReason): void;
  readonly stopReason: StopReason | undefined;
}

/** How a run ended, once and for all: what the log says today and the usage ledger will store. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  readonly failure?: Failure;
  readonly usage?: Usage;
  /** Milliseconds from the run's start to its commit; absent where it never committed. */
  readonly ttftMs?: number;
}
