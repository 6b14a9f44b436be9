import type { ServedIdentity } from '../wire/contract.ts';
import type { EventConsumer, RelayOutcome } from './relay-events.ts';

/** Makes of events what a client asked for, a stream or one body, and hands it to the run's reader. */
export interface Answer extends EventConsumer {
  /** The loop has ended: says so to the reader where it has not heard of it. Returns how it ended for the client. */
  close(outcome: RelayOutcome): RelayOutcome;
}

/** Who serves, known from the commit on. */
export interface ServedBy extends ServedIdentity {
  /** Upstream and model there. */
  readonly target: string | undefined;
}
