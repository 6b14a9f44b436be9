import type { Socket } from 'node:net';

/** A request as it came; names of headers in lower case. */
export interface WallRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The peer wants the connection to go on. */
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
const headEnd = Buffer.from('\r\n\r\n');

/** Reads HTTP/1.x requests off a socket, pipelined ones one after the other. */
export function createRequestReader(socket: Socket): RequestReader {
  let bytes: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake: () => void = () => {};
  socket.on('data', (more: Buffer) => {
    bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
    // Nobody reads while a fault is played: a peer that goes on sending is held back here.
    if (bytes.length > maxHeadBytes + maxBodyBytes) socket.pause();
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

  return {
    async next() {
      let continued = false;
      for (;;) {
        const parsed = parse(bytes);
        if (parsed.kind === 'refused') return parsed;
        if (parsed.kind === 'request') {
          bytes = bytes.subarray(parsed.length);
          socket.resume();
          return parsed;
        }
        if (parsed.wantsContinue && !continued) {
          continued = true;
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        }
        if (ended) return { kind: 'ended' };
        await more();
      }
    },
  };
}

type Parsed =
  | { readonly kind: 'request'; readonly request: WallRequest; readonly length: number }
  | { readonly kind: 'refused'; readonly status: string }
  | { readonly kind: 'incomplete'; readonly wantsContinue: boolean };

function parse(bytes: Buffer): Parsed {
  const end = bytes.indexOf(headEnd);
  if (end < 0 && bytes.length <= maxHeadBytes) return { kind: 'incomplete', wantsContinue: false };
  if (end < 0 || end > maxHeadBytes) return refused('431 Request Header Fields Too Large');
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(requestLine);
  if (match === null) return refused('400 Bad Request');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(0, colon)).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = readBody(bytes.subarray(end + headEnd.length), headers);
  if (body === 'too large') return refused('413 Content Too Large');
  if (body === 'bad') return refused('400 Bad Request');
  if (body === 'incomplete') {
    const wantsContinue = headers.get('expect')?.toLowerCase() === '100-continue';
    return { kind: 'incomplete', wantsContinue };
  }
  const [, method = '', target = '', minor = ''] = match;
  const connection = headers.get('connection')?.toLowerCase();
  return {
    kind: 'request',
    length: end + headEnd.length + body.length,
    request: {
      method,
      path: target.replace(/\?.*$/, ''),
      headers,
      body: body.text,
      keepAlive: minor === '1' ? connection !== 'close' : connection === 'keep-alive',
    },
  };
}

type Body = 'incomplete' | 'too large' | 'bad' | { readonly text: string; readonly length: number };

function readBody(bytes: Buffer, headers: ReadonlyMap<string, string>): Body {
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(bytes);
  const declared = headers.get('content-length') ?? '0';
  if (!/^\d{1,12}$/.test(declared)) return 'bad';
  const length = Number(declared);
  if (length > maxBodyBytes) return 'too large';
  return bytes.length < length ? 'incomplete' : { text: bytes.toString('utf8', 0, length), length };
}

function readChunks(bytes: Buffer): Body {
  const data: Buffer[] = [];
  let total = 0;
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return bytes.length - at > 1024 ? 'bad' : 'incomplete';
    const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(bytes.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) return 'bad';
    const length = Number.parseInt(size, 16);
    total += length;
    if (total > maxBodyBytes) return 'too large';
    const next = lineEnd + 2 + length + 2;
    if (bytes.length < next) return 'incomplete';
    // Trailers are not understood: what follows the last chunk must be the blank line.
    if (length === 0) return { text: Buffer.concat(data).toString('utf8'), length: next };
    data.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = next;
  }
}

function refused(status: string): { readonly kind: 'refused'; readonly status: string } {
  return { kind: 'refused', status };
}
