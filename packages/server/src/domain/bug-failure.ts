import { causeOfBug } from './cause.ts';
import { type Failure, failure } from './failure.ts';

/** The failure for a bug whose cause is not known here, or is logged elsewhere. */
export const brokenInside: Failure = failure(
  'internal_error',
  'Something went wrong inside the server. Its log says more.',
);

/** The failure for a bug. Its message names nothing of the bug; its cause is for the log. */
export function bugFailure(thrown: unknown): Failure {
  return { ...brokenInside, ...causeOfBug(thrown) };
}
