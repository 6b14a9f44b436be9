import { failure } from '../domain/failure.ts';

/** What the followers of a stream get that is not kept any more. */
export const notKept = failure('completion_not_found', 'This completion is not kept any more.');
