import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';
import type { AttemptRecord } from '../routing/works.ts';
import type { Reader } from './reader.ts';
import type { StopReason } from './stop-reason.ts';

/**
 * Whom a run works for. `reader`: for its one reader, and it is stopped when that reader leaves. `detached`: for
 * itself; readers come and go.
 */
export type Lifetime = 'reader' | 'detached';

/** What a run is, for lists and records. */
export interface RunFacts {
  /** Also the id of the answer, and of the usage record. */
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  /** The surface that it was asked through. */
  readonly surface: string;
  /** The id or alias the client asked for. */
  readonly model: string;
  readonly stream: boolean;
  readonly lifetime: Lifetime;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
}

/**
 * One answer at work. It holds its source, its clock and its place in the registry, and gives each back when it ends;
 * connections are only readers of it.
 *
 *     start ──attach──▶ asking ──commit──▶ answering ──finish──▶ completed
 *                          └──────────────────┴── failure, deadline, stop ──▶ failed, cut, cancelled, abandoned
 */
export interface Run extends RunFacts {
  /** Upstream and model that were asked last, and serve it once it has committed. */
  readonly target: string | undefined;
  /** How it ended, once and for all. Never rejects. */
  readonly outcome: Promise<RunOutcome>;
  /** Hands the run's frames to a reader; `detach` says that the reader has left. */
  attach(reader: Reader, options?: AttachOptions): Attachment;
  /** The first call decides; later ones change nothing. */
  stop(reason: StopReason): void;
}

export interface AttachOptions {
  /** How many events the reader has had already; 0 unless said otherwise. More than 0 only of a detached run. */
  readonly after?: number;
}

export interface Attachment {
  /** May be called more than once, and behind the end. */
  detach(): void;
}

/** What the log says today and the usage ledger will store. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  readonly failure?: Failure;
  readonly usage?: Usage;
  /** Milliseconds from the run's start to its commit; absent where it never committed. */
  readonly ttftMs?: number;
  /** Upstream and model that served it, or were asked last. */
  readonly target?: string;
  /** Every target that was asked, in order. */
  readonly attempts: readonly AttemptRecord[];
  /** The text that was said, bounded; only where the operator wants content in the log. */
  readonly content?: string;
}
