import type { Failure } from '../domain/failure.ts';
import type { ServedIdentity } from '../wire/contract.ts';
import type { EventConsumer, RelayOutcome } from './relay-events.ts';

/** Turns events into what the client asked for, a stream or one body, and hands it to the run's reader. */
export interface Answer extends EventConsumer {
  /**
   * Called once, after the last event: ends the reader where `take` has not ended it yet. Returns the outcome as the client
   * sees it.
   */
  close(outcome: RelayOutcome): RelayOutcome;
}

/** The model that serves the answer and its target, known from the commit on. */
export interface ServedBy extends ServedIdentity {
  /** The target's name, `upstream/model`; undefined where the source does not know one. */
  readonly target: string | undefined;
}

/** What an answer needs of its run. */
export interface AnswerOwner {
  /** Aborts when the run is stopped. */
  readonly signal: AbortSignal;
  /** Who serves the answer; called at the commit or later. `fingerprint`: as the target gave it. */
  served(fingerprint: string | undefined): ServedBy;
  /** Stops the run, because the answer exceeds its bound. */
  tooLarge(reason: Failure): void;
}
