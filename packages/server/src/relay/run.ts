import type { Reader } from './reader.ts';
import type { RunOutcome } from './run-outcome.ts';
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
  /** The name of the surface that it was asked through. */
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
  /** Hands the run's payloads to a reader; `detach` says that the reader has left. */
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
