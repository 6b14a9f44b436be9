/*
 * The signed address of a stream (contract of the server: `tailrace-stream-url`) in two forms. The server's leads to the server,
 * which browsers may not reach. The app's leads to the route of the handler:
 *
 *     https://ai.internal:7245/v1/streams/chatcmpl-…?expires=…&signature=…
 *     ?completion=chatcmpl-…&expires=…&signature=…
 *
 * It is relative to the route, so it is right whatever proxies do with paths and hosts. Of an address that comes back from a
 * browser only id, expiry and signature are taken, each by its form, and put behind the configured address of the server. So a
 * browser cannot make the handler ask for anything else.
 */

/** What identifies a stream and lets its holder read and cancel it. */
export interface StreamAddress {
  readonly id: string;
  /** Unix seconds. */
  readonly expires: string;
  /** 64 hexadecimal digits. */
  readonly signature: string;
}

const idForm = /^[A-Za-z0-9_-]{1,200}$/;
const expiresForm = /^[1-9]\d{0,11}$/;
const signatureForm = /^[0-9a-f]{64}$/;

/** What of a stream a request reads, by the Durable Streams protocol. The server checks their values. */
const readParameters = ['offset', 'live', 'cursor'];

/** The parts of an address that the server has sent; undefined where it is none. */
export function parseServerAddress(url: string): StreamAddress | undefined {
  if (!URL.canParse(url)) return undefined;
  const { pathname, searchParams } = new URL(url);
  return checked(pathname.split('/').at(-1), searchParams);
}

/** The parts of an address of the app; undefined where the query has none, or one that no server has made. */
export function parseAppAddress(query: URLSearchParams): StreamAddress | undefined {
  return checked(query.get('completion'), query);
}

function checked(id: string | null | undefined, query: URLSearchParams): StreamAddress | undefined {
  const expires = query.get('expires');
  const signature = query.get('signature');
  if (id == null || expires === null || signature === null) return undefined;
  if (!idForm.test(id) || !expiresForm.test(expires) || !signatureForm.test(signature)) return undefined;
  return { id, expires, signature };
}

/** The address for the browser that has sent a request with this query; its other parameters stay, an app may need them. */
export function appAddress({ id, expires, signature }: StreamAddress, query: URLSearchParams): string {
  const whole = new URLSearchParams(query);
  for (const name of readParameters) whole.delete(name);
  whole.set('completion', id);
  whole.set('expires', expires);
  whole.set('signature', signature);
  return `?${whole}`;
}

/**
 * Where the server has the stream. `asked`: the query of the browser, whose `offset`, `live` and `cursor` are passed on.
 * `lastEventId`: the number of the last event that it has, for readers that send this header instead of an offset.
 */
export function serverAddress(
  baseURL: string,
  { id, expires, signature }: StreamAddress,
  asked: URLSearchParams,
  lastEventId?: string | null,
): string {
  const query = new URLSearchParams({ expires, signature });
  for (const name of readParameters) {
    const value = asked.get(name);
    if (value !== null) query.set(name, value);
  }
  if (!query.has('offset') && lastEventId && /^\d{1,12}$/.test(lastEventId)) {
    query.set('offset', lastEventId.padStart(12, '0'));
    query.set('live', 'sse');
  }
  return `${baseURL}/streams/${id}?${query}`;
}
