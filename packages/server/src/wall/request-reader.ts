import type { Socket } from 'node:net';
import { type ByteQueue, createByteQueue } from './byte-queue.ts';

/** One request; names of headers in lower case. */
export interface WallRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The peer wants to keep the connection open. */
  readonly keepAlive: boolean;
}

export type ReadOutcome =
  | { readonly kind: 'request'; readonly request: WallRequest }
  /** Not HTTP, or larger than the bounds: answer with the status and close. */
  | { readonly kind: 'refused'; readonly status: string }
  /** The connection ended between two requests, or inside one. */
  | { readonly kind: 'ended' };

export interface RequestReader {
  /** The next request on the connection. One call at a time. */
  next(): Promise<ReadOutcome>;
}

const maxHeadBytes = 64 * 1024;
const maxBodyBytes = 16 * 1024 * 1024;
const maxChunkLine = 1024;
const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** Reads HTTP/1.x requests from a socket, pipelined ones one after the other. Each byte is read once. */
export function createRequestReader(socket: Socket): RequestReader {
  const unread = createByteQueue();
  let ended = false;
  let wake: () => void = () => {};
  /** The request whose body is still to come. */
  let pending: PendingRequest | undefined;
  socket.on('data', (more: Buffer) => {
    unread.push(more);
    // While a fault is played no request is read: here a peer that keeps sending is stopped.
    if (unread.bytes().length > maxHeadBytes + maxBodyBytes) socket.pause();
    wake();
  });
  const end = (): void => {
    ended = true;
    wake();
  };
  socket.on('end', end);
  socket.on('close', end);

  /** Resolves with the next bytes or the end. */
  const more = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  /** The outcome of the bytes so far; undefined where more are needed. */
  function advance(): ReadOutcome | undefined {
    if (pending === undefined) {
      const bytes = unread.bytes();
      const at = unread.indexOf(headEnd);
      if (at < 0 && bytes.length <= maxHeadBytes) return undefined;
      if (at < 0 || at > maxHeadBytes) return refused('431 Request Header Fields Too Large');
      pending = begin(bytes.toString('latin1', 0, at));
      unread.drop(at + headEnd.length);
    }
    if (pending === undefined) return refused('400 Bad Request');
    const body = pending.chunked ? takeChunks(unread, pending) : takeLength(unread, pending.length);
    if (body === 'incomplete') return undefined;
    if (body === 'too large') return refused('413 Content Too Large');
    if (body === 'bad') return refused('400 Bad Request');
    const request = { ...pending.head, body };
    pending = undefined;
    return { kind: 'request', request };
  }

  return {
    async next() {
      let continued = false;
      for (;;) {
        const outcome = advance();
        if (outcome?.kind === 'request') socket.resume();
        if (outcome !== undefined) return outcome;
        if (pending?.wantsContinue === true && !continued) {
          continued = true;
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        }
        if (ended) return { kind: 'ended' };
        await more();
      }
    },
  };
}

/** A request whose head has been read. */
interface PendingRequest {
  readonly head: Omit<WallRequest, 'body'>;
  readonly wantsContinue: boolean;
  readonly chunked: boolean;
  /** Length of a body that is not chunked; NaN where the header is no length. */
  readonly length: number;
  /** The part of a chunked body that has come. */
  readonly decoded: ByteQueue;
}

/** Reads a head; undefined where the request line is malformed. */
function begin(text: string): PendingRequest | undefined {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(requestLine);
  if (match === null) return undefined;
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(0, colon)).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const [, method = '', target = '', minor = ''] = match;
  const connection = headers.get('connection')?.toLowerCase();
  const declared = headers.get('content-length') ?? '0';
  return {
    head: {
      method,
      path: target.replace(/\?.*$/, ''),
      headers,
      keepAlive: minor === '1' ? connection !== 'close' : connection === 'keep-alive',
    },
    wantsContinue: headers.get('expect')?.toLowerCase() === '100-continue',
    chunked: headers.get('transfer-encoding')?.toLowerCase() === 'chunked',
    length: /^\d{1,12}$/.test(declared) ? Number(declared) : Number.NaN,
    decoded: createByteQueue(),
  };
}

type Unusable = 'incomplete' | 'too large' | 'bad';

/** Takes a body of that length from the unread bytes. */
function takeLength(unread: ByteQueue, length: number): string | Unusable {
  if (Number.isNaN(length)) return 'bad';
  if (length > maxBodyBytes) return 'too large';
  const bytes = unread.bytes();
  if (bytes.length < length) return 'incomplete';
  const text = bytes.toString('utf8', 0, length);
  unread.drop(length);
  return text;
}

/** Takes the complete chunks from the unread bytes; with the last chunk, returns the text of the body. */
function takeChunks(unread: ByteQueue, { decoded }: PendingRequest): string | Unusable {
  for (;;) {
    const bytes = unread.bytes();
    const at = unread.indexOf(lineEnd);
    if (at < 0) return bytes.length > maxChunkLine ? 'bad' : 'incomplete';
    const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(bytes.toString('latin1', 0, at))?.[1];
    if (size === undefined) return 'bad';
    const length = Number.parseInt(size, 16);
    if (decoded.bytes().length + length > maxBodyBytes) return 'too large';
    const next = at + lineEnd.length + length + lineEnd.length;
    if (bytes.length < next) return 'incomplete';
    // Trailers are not supported: a blank line must follow the last chunk.
    if (length > 0) decoded.push(bytes.subarray(at + lineEnd.length, at + lineEnd.length + length));
    unread.drop(next);
    if (length === 0) return decoded.bytes().toString('utf8');
  }
}

function refused(status: string): { readonly kind: 'refused'; readonly status: string } {
  return { kind: 'refused', status };
}
