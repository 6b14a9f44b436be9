import type { StreamSignature } from '../access/stream-signature.ts';

/** A stream that gets a signed address. Times in Unix milliseconds and in milliseconds. */
export interface AddressedStream {
  readonly id: string;
  readonly createdAtMs: number;
  /** Its total deadline. */
  readonly totalMs: number;
}

/** The signed address of a stream for the client that has sent this `Host`; undefined where none can be made now. */
export type StreamUrls = (host: string | undefined, stream: AddressedStream) => string | undefined;

/** Where a stream can be read and cancelled without a key, for the header `tailrace-stream-url`. */
export function createStreamUrls(options: {
  readonly signature: Pick<StreamSignature, 'sign'>;
  /** `server.public_url`. */
  readonly publicUrl: string | undefined;
  /** How long an ended stream is kept, in milliseconds. */
  readonly retentionMs: number;
}): StreamUrls {
  const { signature, publicUrl, retentionMs } = options;
  return (host, { id, createdAtMs, totalMs }) => {
    const expiresS = streamExpiryS({ createdAtMs, totalMs, retentionMs });
    const signed = signature.sign(id, expiresS);
    if (signed === undefined) return undefined;
    return streamUrl({ publicUrl, host, id, expiresS, signature: signed });
  };
}

/** The parts of a signed address. */
export interface StreamAddress {
  /** `server.public_url`; it may have a path, which leads the address. */
  readonly publicUrl: string | undefined;
  /** The `Host` of the request, where there is no `publicUrl`. */
  readonly host: string | undefined;
  readonly id: string;
  /** Unix seconds. */
  readonly expiresS: number;
  /** `StreamSignature.sign`. */
  readonly signature: string;
}

/**
 * The absolute signed address; undefined without `publicUrl` for a `Host` that is none, or is missing (HTTP/1.0). Any client chooses its
 * `Host`, but only for its own answer: the address leads to the server that the client has reached. `X-Forwarded-…` is not
 * read, because a client can send it through a proxy that does not set it; behind TLS or a path, set `server.public_url`.
 */
export function streamUrl({ publicUrl, host, id, expiresS, signature }: StreamAddress): string | undefined {
  const base = publicUrl === undefined ? originOf(host) : withoutEnd(publicUrl);
  if (base === undefined) return undefined;
  return `${base}/v1/streams/${encodeURIComponent(id)}?expires=${expiresS}&signature=${signature}`;
}

/**
 * When the signed address of a stream ends, in Unix seconds: the stream may run until its total deadline, and is kept for the
 * retention after that. All in milliseconds.
 */
export function streamExpiryS(times: {
  readonly createdAtMs: number;
  readonly totalMs: number;
  readonly retentionMs: number;
}): number {
  return Math.ceil((times.createdAtMs + times.totalMs + times.retentionMs) / 1_000);
}

/** A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port: nothing else of RFC 3986's authority. */
const hostForm = /^(?:[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

function originOf(host: string | undefined): string | undefined {
  if (host === undefined || !hostForm.test(host)) return undefined;
  const url = `http://${host}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function withoutEnd(publicUrl: string): string {
  const { origin, pathname } = new URL(publicUrl);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}
