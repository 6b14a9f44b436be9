import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';

/** How a run ended, for the request's log line. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  readonly failure?: Failure;
  readonly usage?: Usage;
  /** Milliseconds from the run's start to its commit; absent where it never committed. */
  readonly ttftMs?: number;
  /**
   * The name of the target that began the answer, else of the one that was asked last; absent where none was asked.
   * `attempts` has the targets that took over.
   */
  readonly target?: string;
  /** One record for each call of a target, in the order of the calls. */
  readonly attempts: readonly AttemptRecord[];
  /** The beginning of the answer's text, bounded; only where the operator asked for content in the log. */
  readonly content?: string;
}
