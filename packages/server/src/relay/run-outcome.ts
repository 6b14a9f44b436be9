import type { Failure } from '../domain/failure.ts';
import type { Usage } from '../domain/usage.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';

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
