import type { Reader } from './reader.ts';
import type { RunOutcome } from './run-outcome.ts';
import type { StopReason } from './stop-reason.ts';

/**
 * How long a run lives. `reader`: it has one reader, and is stopped when that reader leaves. `grace`: its payloads are kept, it
 * has any number of readers, and is stopped when it has had none for a while.
 */
export type Lifetime = 'reader' | 'grace';

/** The facts of a run that never change, for the admin list and for records. */
export interface RunFacts {
  /** Also the id of the answer. */
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  /** Whose key it is. */
  readonly owner: string;
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
  /** Tokens that have been delivered until now; an estimate until the target has counted them. */
  completionTokens(): number;
  /** Resolves when the run has ended and has released everything. Never rejects. */
  readonly outcome: Promise<RunOutcome>;
  /**
   * Attaches the connection that asked for the run; its owner calls `detach` when it has left. Throws where a run of lifetime
   * `reader` has a reader already. Other readers of a run of lifetime `grace` follow its stream (`follower.ts`).
   */
  attach(reader: Reader): Attachment;
  /** Stops the run for this reason. Only the first call has an effect. */
  stop(reason: StopReason): void;
}

/** A reader that is attached to a run. */
export interface Attachment {
  /** Resolves when the reader gets nothing more: it has its whole answer or its failure, or it was detached. Never rejects. */
  readonly ended: Promise<unknown>;
  /** May be called more than once, and after the run's end. */
  detach(): void;
}
