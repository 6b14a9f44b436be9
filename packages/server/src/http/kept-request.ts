import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { streamsUnavailable } from '../journal/broken-streams.ts';
import type {
  Begun,
  Found,
  Journal,
  Once,
  StreamFacts,
  StreamView,
  StreamWriter,
} from '../journal/contract.ts';
import type { KeptAsk } from './kept-ask.ts';
import type { Position } from './kept-stream.ts';

/** A completion that is to be kept, or that continues a kept one. */
export interface KeptRequest {
  readonly ask: KeptAsk;
  /** A hash of the body's bytes; undefined where there is no idempotency key. */
  readonly fingerprint: string | undefined;
  readonly facts: StreamFacts;
  /** Why no new run may start now; undefined where one may. Attaching to a run is allowed all the same. */
  refuseRun(): Failure | undefined;
}

/** What becomes of it. */
export type KeptStart =
  /** A new run, whose payloads the writer takes. */
  | { readonly type: 'run'; readonly writer: StreamWriter }
  /** The same request came before: its stream, from this position on. */
  | { readonly type: 'attach'; readonly view: StreamView; readonly position: Position };

/**
 * Finds the stream that the same request has begun before, or begins one. Failures: `completion_not_found`,
 * `idempotency_key_reused`, `storage_unavailable`, and those of `refuseRun`.
 */
export async function startKept(journal: Journal, request: KeptRequest): Promise<Result<KeptStart>> {
  const { ask, facts, refuseRun } = request;
  const once = onceOf(request);
  const refused = refuseRun();
  if (once !== undefined && (ask.lastEventId !== undefined || refused !== undefined)) {
    // Nothing may be begun here: only an earlier request can help.
    const found = await journal.findOnce(once);
    if (found.type !== 'unknown' || ask.lastEventId !== undefined) return attachTo(found, ask);
  }
  if (refused !== undefined) return fail(refused);
  const begun = await journal.begin(facts, once);
  return begun.type === 'begun' ? ok({ type: 'run', writer: begun.writer }) : attachTo(begun, ask);
}

function onceOf({ ask, fingerprint, facts: { keyId } }: KeptRequest): Once | undefined {
  const { idempotencyKey: key } = ask;
  return key === undefined || fingerprint === undefined ? undefined : { keyId, key, fingerprint };
}

function attachTo(
  found: Exclude<Begun, { readonly type: 'begun' }> | Found,
  { lastEventId, resumable }: KeptAsk,
): Result<KeptStart> {
  switch (found.type) {
    case 'exists':
    case 'found': {
      const position = {
        after: lastEventId ?? 0,
        param: 'last-event-id',
        ids: resumable || lastEventId !== undefined,
      };
      return ok({ type: 'attach', view: found.view, position });
    }
    case 'conflict':
      return fail(keyReused);
    case 'unknown':
      return fail(nothingToContinue);
    case 'unavailable':
      return fail(streamsUnavailable);
  }
}

const nothingToContinue = failure(
  'completion_not_found',
  "No stream that was begun with this 'idempotency-key' is kept here, so there is nothing to continue. Without " +
    "'last-event-id' the request begins one.",
);

const keyReused = failure(
  'idempotency_key_reused',
  "Another request was sent with this 'idempotency-key'. Use a new key for each request, and the same one only to repeat it.",
  { param: 'idempotency-key' },
);
