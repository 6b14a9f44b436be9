import type { StreamSignature } from '../access/stream-signature.ts';
import { serverBase } from './server-base.ts';

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
 * The absolute signed address; undefined where there is no {@link serverBase}. Any client chooses its `Host`, but only for its own
 * answer: the address leads to the server that the client has reached.
 */
export function streamUrl({ publicUrl, host, id, expiresS, signature }: StreamAddress): string | undefined {
  const base = serverBase(publicUrl, host);
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
