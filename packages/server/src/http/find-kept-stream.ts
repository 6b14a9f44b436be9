import { fail, ok, type Result } from '../domain/failure.ts';
import { streamsUnavailable } from '../journal/broken-streams.ts';
import type { Journal, StreamFacts, StreamView } from '../journal/contract.ts';
import { completionNotFound } from './kept-stream.ts';

/**
 * The kept stream with this id, for a sender whom `mayUse` lets use it. An answer of one body is no stream. Failures:
 * `completion_not_found`, the same for all that keeps the sender from it; `storage_unavailable`.
 */
export async function findKeptStream(
  journal: Pick<Journal, 'find'>,
  id: string,
  mayUse: (facts: StreamFacts) => boolean,
): Promise<Result<StreamView>> {
  const found = await journal.find(id);
  if (found.type === 'unavailable') return fail(streamsUnavailable);
  if (found.type === 'unknown') return fail(completionNotFound(id));
  const { view } = found;
  return view.facts.stream && mayUse(view.facts) ? ok(view) : fail(completionNotFound(id));
}
