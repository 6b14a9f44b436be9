import type { RawResponse } from '../support/http-bytes.ts';
import { requestBytes } from '../support/raw-connection.ts';
import type { ReadEvents } from './numbered-events.ts';
import type { ReadRoute, Resumed } from './read-routes.ts';

/** The modes in which `GET /v1/streams/{id}` is read, as the Durable Streams protocol has them. */
export const durableRoutes: readonly ReadRoute[] = [
  { name: 'durable, catch-up', request: (stream) => request(stream, ''), read: readArray },
  { name: 'durable, long-poll', request: (stream) => request(stream, '&live=long-poll'), read: readArray },
  { name: 'durable, sse', request: (stream) => request(stream, '&live=sse'), read: readSse },
];

function request({ apiKey, id, after }: Resumed, live: string): Buffer | undefined {
  if (id === undefined) return undefined;
  const offset = after === 0 ? '-1' : String(after).padStart(12, '0');
  const path = `/v1/streams/${id}?offset=${offset}${live}`;
  return requestBytes({ path, headers: { Authorization: `Bearer ${apiKey}`, Connection: 'close' } });
}

/** A body that broke off has no messages: the client does not know how many were sent. */
function readArray(response: RawResponse, after: number): ReadEvents {
  if (!response.complete) return nothing;
  const messages = response.status === 204 ? [] : messagesOf(response.body.toString('latin1'));
  return numbered(messages, after, response.header('stream-closed') === 'true');
}

/** An event `data` counts once its event `control` is there, which has the next offset. */
function readSse({ body }: RawResponse, after: number): ReadEvents {
  const messages: string[] = [];
  let closed = false;
  for (const [, data = '', control = ''] of body.toString('latin1').matchAll(dataAndControl)) {
    messages.push(...messagesOf(data.replaceAll('\ndata:', '')));
    closed = control.includes('"streamClosed":true');
  }
  return numbered(messages, after, closed);
}

const dataAndControl = /(?:event: data\ndata:((?:[^\n]|\n(?!\n))*)\n\n)?event: control\ndata:([^\n]*)\n\n/g;

function numbered(messages: readonly string[], after: number, closed: boolean): ReadEvents {
  // `[DONE]` is no message: the closed stream takes its place.
  const isWhole = closed && !messages.at(-1)?.startsWith('{"error"');
  const payloads = isWhole ? [...messages, '[DONE]'] : messages;
  const events = payloads.map((payload, index) => ({ number: after + index + 1, payload }));
  return { events, comments: 0, rest: '' };
}

/** The objects of a JSON array, as they are spelled. */
function messagesOf(array: string): string[] {
  const messages: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of array.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') {
      if (depth === 0) from = index;
      depth += 1;
    } else if (token === '}') {
      depth -= 1;
      if (depth === 0) messages.push(array.slice(from, index + 1));
    }
  }
  return messages;
}

const nothing: ReadEvents = { events: [], comments: 0, rest: '' };
