import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import { eventsGone, streamsUnavailable } from '../../journal/broken-streams.ts';
import type { StreamView } from '../../journal/contract.ts';

/*
 * The messages of a kept stream, as the Durable Streams protocol counts them: its events, and the error event of a torn one. The
 * payload that ends a whole stream (`[DONE]`) has a number too, but is no message: that the stream is closed takes its place.
 */

/** The number of the last message; 0 before there is any. */
export function tailOf({ ending, last }: StreamView): number {
  return ending?.type === 'whole' && ending.payload !== undefined ? last - 1 : last;
}

/**
 * Why this stream gives its readers nothing more, though messages may be there; undefined for one that can be read. A request that
 * was refused before it had any output ends its stream with a failure and no message.
 */
export function refusalOf({ ending, broken }: StreamView): Failure | undefined {
  if (ending === undefined) return broken;
  return ending.type === 'torn' && ending.payload === '' ? ending.failure : undefined;
}

/** Some messages in a row; none where `last` equals `after`. */
export interface MessageRange {
  /** The number before the first one. */
  readonly after: number;
  readonly last: number;
  /** The bytes of their payloads, which are ASCII. */
  readonly bytes: number;
  /** The payload of a message in it. Undefined where the journal has dropped the message meanwhile. */
  payload(number: number): string | undefined;
}

/**
 * The messages behind number `after` that are there: at most `maxBytes` of payloads, at least one message. Payloads in this
 * process stay where they are, so that a range takes no memory while a slow client reads it; those that only the store has are
 * loaded, some hundred kilobytes at a time. Failures: `events_gone`, `storage_unavailable`.
 */
export async function messagesAfter(
  view: StreamView,
  after: number,
  maxBytes: number,
): Promise<Result<MessageRange>> {
  let loaded: readonly string[] = [];
  if (after < tailOf(view) && payloadOf(view, after + 1) === undefined) {
    if (after + 1 < view.first) return fail(eventsGone(view.first));
    try {
      loaded = await view.load(after + 1);
    } catch {
      return fail(view.broken ?? (after + 1 < view.first ? eventsGone(view.first) : streamsUnavailable));
    }
    // A journal that has this message and loads nothing has lost it.
    if (loaded.length === 0) return fail(streamsUnavailable);
  }
  const payload = (number: number) => loaded[number - after - 1] ?? payloadOf(view, number);
  const tail = tailOf(view);
  let last = after;
  let bytes = 0;
  while (last < tail) {
    const next = payload(last + 1);
    if (next === undefined || (last > after && bytes + next.length > maxBytes)) break;
    bytes += next.length;
    last += 1;
  }
  return ok({ after, last, bytes, payload });
}

function payloadOf(view: StreamView, number: number): string | undefined {
  const { ending } = view;
  return ending?.type === 'torn' && number === view.last ? ending.payload : view.event(number);
}

/** Why a client cannot read from this number on; undefined where it can. */
export function refuseOffset(view: StreamView, after: number): Failure | undefined {
  const tail = tailOf(view);
  if (after > tail) {
    const message = `'offset' must be a 'Stream-Next-Offset' of this stream, which has ${tail} messages, got ${after}.`;
    return failure('invalid_value', message, { param: 'offset' });
  }
  return after < tail && after + 1 < view.first ? eventsGone(view.first) : undefined;
}
