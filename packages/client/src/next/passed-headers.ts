import { appAddress, parseServerAddress } from './stream-address.ts';

/*
 * Headers pass by a list of names: what is not on it (cookies, hop-by-hop headers, the length and the encoding of a body that
 * `fetch` has already decoded, names of upstreams) stays on its side.
 */

/** Of a browser's request, to the server. */
const requestNames = ['idempotency-key', 'last-event-id', 'if-none-match'];

/** Of the server's answer, to the browser. */
const answerNames = [
  'cache-control',
  'content-type',
  'etag',
  'idempotent-replayed',
  'retry-after',
  'retry-after-ms',
  'stream-closed',
  'stream-cursor',
  'stream-next-offset',
  'stream-up-to-date',
  'tailrace-completion-id',
  'x-accel-buffering',
  'x-request-id',
  'x-should-retry',
];
const answerPrefix = 'x-ratelimit-';

/** The headers of the browser that the server shall have. */
export function passedRequestHeaders(given: Headers): Headers {
  return picked(given, (name) => requestNames.includes(name));
}

/** The headers of the server's answer that the browser shall have. `query`: that of the browser's request. */
export function passedAnswerHeaders(given: Headers, query: URLSearchParams): Headers {
  const passed = picked(given, (name) => answerNames.includes(name) || name.startsWith(answerPrefix));
  const address = parseServerAddress(given.get('tailrace-stream-url') ?? '');
  if (address !== undefined) passed.set('tailrace-stream-url', appAddress(address, query));
  return passed;
}

function picked(given: Headers, takes: (name: string) => boolean): Headers {
  const taken = new Headers();
  given.forEach((value, name) => {
    if (takes(name)) taken.set(name, value);
  });
  return taken;
}
