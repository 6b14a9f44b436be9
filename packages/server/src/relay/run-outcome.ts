import type { Failure } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Usage } from '../domain/usage.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';

/** How a run ended, for the request's log line. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';
  readonly failure?: Failure;
  /**
   * What the client has received, or was about to receive when it ended the run itself ({@link whereProduced}). Absent where
   * that is nothing.
   */
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
  /** What each choice has said, bounded; only where the content of the request is kept. */
  readonly content?: readonly JsonObject[];
}

/** The part of an outcome that {@link whereProduced} reads and fills in. */
type Produced = Pick<RunOutcome, 'status' | 'usage' | 'target' | 'attempts'>;

/**
 * The outcome with the usage of what was produced, where the client ended the run before it received anything: it cancelled
 * an answer that does not stream, or left while it waited for one. The client has asked for these tokens and would have
 * received them in a stream, so they are counted as in a stream. An answer that failed is not the client's doing: what its
 * attempts used stands in the attempts only. Of several attempts with output the first one counts.
 */
export function whereProduced<Outcome extends Produced>(outcome: Outcome): Outcome {
  const { status, usage, attempts } = outcome;
  if (usage !== undefined || (status !== 'cancelled' && status !== 'abandoned')) return outcome;
  const producing = attempts.find(
    ({ outcome: ended, hasOutput }) => hasOutput === true && (ended === 'aborted' || ended === 'served'),
  );
  if (producing?.usage === undefined) return outcome;
  return { ...outcome, usage: producing.usage, target: producing.target };
}
