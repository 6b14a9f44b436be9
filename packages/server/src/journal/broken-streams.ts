import { type Failure, failure } from '../domain/failure.ts';

/* Why a stream cannot be read on, in the words of every journal and every reader. */

export const notKept = failure('completion_not_found', 'This completion is not kept any more.');

/** `first`: the number of the oldest event that is kept. */
export function eventsGone(first: number): Failure {
  return failure(
    'events_gone',
    `The events before number ${first} are not kept any more. Read those after ${first - 1}, or send the whole request again.`,
  );
}

export const streamsUnavailable = failure(
  'storage_unavailable',
  'The store of the kept streams does not answer, so no stream can be kept or picked up now.',
  { retryAfterMs: 1_000 },
);
