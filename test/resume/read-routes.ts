import type { RawResponse } from '../support/http-bytes.ts';
import { requestBytes } from '../support/raw-connection.ts';
import { durableRoutes } from './durable-routes.ts';
import type { ReadEvents } from './numbered-events.ts';

/** A stream that a client wants to go on reading. */
export interface Resumed {
  readonly apiKey: string;
  /** Undefined where the client has lost its connection before the head. */
  readonly id: string | undefined;
  /** Of the POST; undefined where it had none. */
  readonly idempotencyKey: string | undefined;
  /** The body of the POST. */
  readonly body: string;
  /** The number of the last event that the client has. */
  readonly after: number;
}

/** A way to read a resumable stream again. */
export interface ReadRoute {
  readonly name: string;
  /** The request; undefined where the client lacks what this route needs. */
  request(stream: Resumed): Buffer | undefined;
  /**
   * Reads an answer that is no stream of numbered events, as far as it came; it may end before the stream does. Absent: it is such
   * a stream, up to its end.
   */
  read?(response: RawResponse, after: number): ReadEvents;
}

/** All ways that there are. What is not built yet is not in this list. */
export const readRoutes: readonly ReadRoute[] = [
  {
    name: 'events?after=N',
    request: ({ id, after, ...stream }) =>
      id === undefined ? undefined : getEvents(stream, id, after === 0 ? '' : `?after=${after}`),
  },
  {
    name: 'events with Last-Event-ID',
    request: ({ id, after, ...stream }) =>
      id === undefined ? undefined : getEvents(stream, id, '?after=0', { 'Last-Event-ID': `${after}` }),
  },
  {
    name: 'POST again',
    request: ({ apiKey, idempotencyKey, body, id, after }) => {
      if (idempotencyKey === undefined) return undefined;
      // A client that has no head cannot know whether its request has come: it only repeats it.
      const repeated = { 'Idempotency-Key': idempotencyKey, 'Tailrace-Resumable': 'true' };
      return postChat(
        apiKey,
        body,
        id === undefined ? repeated : { ...repeated, 'Last-Event-ID': `${after}` },
      );
    },
  },
  ...durableRoutes,
];

export function postChat(apiKey: string, body: string, headers: Readonly<Record<string, string>>): Buffer {
  return requestBytes({
    path: '/v1/chat/completions',
    headers: { ...always(apiKey), 'Content-Type': 'application/json', ...headers },
    body,
  });
}

function getEvents(
  { apiKey }: Pick<Resumed, 'apiKey'>,
  id: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const path = `/v1/chat/completions/${id}/events${query}`;
  return requestBytes({ path, headers: { ...always(apiKey), ...headers } });
}

function always(apiKey: string): Record<string, string> {
  return { Authorization: `Bearer ${apiKey}`, Connection: 'close' };
}
