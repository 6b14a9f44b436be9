import type { Reader } from './reader.ts';
import type { RunOutcome } from './run-outcome.ts';
import type { StopReason } from './stop-reason.ts';

/**
 * How long a run lives. `reader`: it has one reader, and is stopped when that reader leaves. `detached`: it runs to its end,
 * with any number of readers or none.
 */
export type Lifetime = 'reader' | 'detached';

/** The facts of a run that never change, for the admin list and for records. */
export interface RunFacts {
  /** Also the id of the answer. */
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  /** The name of the surface through which the request came. */
  readonly surface: string;
  /** The id or alias the client asked for. */
  readonly model: string;
  readonly stream: boolean;
  readonly lifetime: Lifetime;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
}

/**
 * One answer in progress. The run owns its source, its deadline and its place in the registry, and releases each when it
 * ends; connections are only its readers.
 *
 *     start ──attach──▶ asking ──commit──▶ answering ──last finish──▶ completed
 *                          └──────────────────┴── failure, deadline, stop ──▶ failed, cut, cancelled, abandoned
 */
export interface Run extends RunFacts {
  /**
   * The name of the target that was asked last. After the commit it is the serving target, except while a takeover asks
   * another one. Undefined before the first.
   */
  readonly target: string | undefined;
  /** Resolves when the run has ended and has released everything. Never rejects. */
  readonly outcome: Promise<RunOutcome>;
  /**
   * Hands the run's payloads to a reader; the reader's owner calls `detach` when the reader has left. Throws where a run of
   * lifetime `reader` has a reader already.
   */
  attach(reader: Reader, options?: AttachOptions): Attachment;
  /** Stops the run for this reason. Only the first call has an effect. */
  stop(reason: StopReason): void;
}

/** Where in the answer a reader begins. */
export interface AttachOptions {
  /** How many events the reader has received before. Default: 0. Only a detached run takes more than 0. */
  readonly after?: number;
}

/** Detaches a reader from its run. */
export interface Attachment {
  /** May be called more than once, and after the run's end. */
  detach(): void;
}
