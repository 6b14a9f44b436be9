import { fail, type Result } from '../../domain/failure.ts';
import type { Journal } from '../../journal/contract.ts';
import type { Surface } from '../../wire/contract.ts';
import type { ReaderSurroundings } from '../connection-reader.ts';
import type { Exchange } from '../exchange.ts';
import { findKeptStream } from '../find-kept-stream.ts';
import { forgetHead } from '../forget-head.ts';
import { eventNumber, notANumber, readLastEventId } from '../kept-ask.ts';
import { type Position, sendKept } from '../kept-stream.ts';
import { replyFailure } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET …/{id}/events?after=N`: picks a resumable stream of a surface up again, from the journal and then live. */
export function keptEventsRoute(surface: Surface, journal: Journal, parts: ReaderSurroundings): Route {
  return {
    method: 'GET',
    path: `${surface.path}/{id}/events`,
    access: 'key',
    surface,
    handle: async (exchange) => {
      const { id, principal } = exchange;
      const position = readPosition(exchange);
      if (!position.ok) return await replyFailure(exchange, position.failure);
      const found = await findKeptStream(
        journal,
        id,
        (facts) => facts.keyId === principal.keyId && facts.surface === surface.name,
      );
      if (!found.ok) return await replyFailure(exchange, found.failure);
      parts.instruments.resumes.of('events').add(1);
      forgetHead(exchange.request);
      // Not awaited here: this function would wait as long as the reader.
      return sendKept(exchange, found.value, surface, position.value, parts);
    },
  };
}

/** `Last-Event-ID` wins over `after`: an `EventSource` keeps its first address when it connects again. */
function readPosition({ request, query }: Exchange): Result<Position> {
  const last = readLastEventId(request.headersDistinct);
  if (!last.ok) return last;
  if (last.value !== undefined) {
    return { ok: true, value: { after: last.value, param: 'last-event-id', ids: true } };
  }
  const given = new URLSearchParams(query).getAll('after');
  const [text = '0'] = given;
  const after = given.length > 1 ? undefined : eventNumber(text);
  if (after === undefined) return fail(notANumber('after', given.join(', ')));
  return { ok: true, value: { after, param: 'after', ids: true } };
}
