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
const maxChunkLineBytes = 1024;
const headEnd = Buffer.from('\r\n\r\n');

/** Reads HTTP/1.x requests off a socket, pipelined ones one after the other. */
export function createRequestReader(socket: Socket): RequestReader {
  const held = createHeldBytes();
  let ended = false;
  let wake: () => void = () => {};
  socket.on('data', (more: Buffer) => {
    held.add(more);
    // While a fault is played no request is read: a peer that goes on sending is held back here.
    if (held.length > maxHeadBytes + maxBodyBytes) socket.pause();
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

  /** Reads on until `read` finds what it looks for. It is asked again only when the bytes that it needs are there. */
  async function until<T>(read: (bytes: Buffer) => Step<T>): Promise<Found<T> | Refused | 'ended'> {
    let need = 0;
    for (;;) {
      if (held.length >= need) {
        const step = read(held.all());
        if (step.kind === 'refused') return step;
        held.drop(step.used);
        if (step.kind === 'found') return step;
        need = step.need;
        if (held.length >= need) continue;
      }
      if (ended) return 'ended';
      socket.resume();
      await more();
    }
  }

  return {
    async next() {
      const head = await until(readHead);
      if (head === 'ended') return { kind: 'ended' };
      if (head.kind === 'refused') return head;
      const { headers } = head.value;
      const readBody = bodyReader(headers);
      if (typeof readBody === 'string') return { kind: 'refused', status: readBody };
      if (headers.get('expect')?.toLowerCase() === '100-continue')
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      const body = await until(readBody);
      if (body === 'ended') return { kind: 'ended' };
      if (body.kind === 'refused') return body;
      socket.resume();
      return { kind: 'request', request: { ...head.value, body: body.value } };
    },
  };
}

/** What one look at the bytes gives; `used` bytes of them are done with, `need` are what the next look takes. */
type Step<T> = Found<T> | { readonly kind: 'more'; readonly used: number; readonly need: number } | Refused;

interface Found<T> {
  readonly kind: 'found';
  readonly value: T;
  readonly used: number;
}

type Refused = Extract<ReadOutcome, { kind: 'refused' }>;

const badRequest = '400 Bad Request';
const tooLarge = '413 Content Too Large';

/** Bytes that came and are not used yet; they are joined when they are looked at, not when they come. */
function createHeldBytes() {
  let pieces: Buffer[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(piece: Buffer) {
      pieces.push(piece);
      length += piece.length;
    },
    all(): Buffer {
      const [first] = pieces;
      if (first !== undefined && pieces.length === 1) return first;
      const joined = Buffer.concat(pieces, length);
      pieces = [joined];
      return joined;
    },
    drop(count: number) {
      const rest = this.all().subarray(count);
      pieces = [rest];
      length = rest.length;
    },
  };
}

type Head = Omit<WallRequest, 'body'>;

function readHead(bytes: Buffer): Step<Head> {
  const end = bytes.subarray(0, maxHeadBytes + headEnd.length).indexOf(headEnd);
  if (end < 0 && bytes.length <= maxHeadBytes) return { kind: 'more', used: 0, need: bytes.length + 1 };
  if (end < 0) return refused('431 Request Header Fields Too Large');
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const match = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(requestLine);
  if (match === null) return refused(badRequest);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(0, colon)).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const [, method = '', target = '', minor = ''] = match;
  const connection = headers.get('connection')?.toLowerCase();
  return {
    kind: 'found',
    used: end + headEnd.length,
    value: {
      method,
      path: target.replace(/\?.*$/, ''),
      headers,
      keepAlive: minor === '1' ? connection !== 'close' : connection === 'keep-alive',
    },
  };
}

type BodyReader = (bytes: Buffer) => Step<string>;

/** How the body is read that these headers announce; a status where it is not. */
function bodyReader(headers: ReadonlyMap<string, string>): BodyReader | string {
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return chunkReader();
  const declared = headers.get('content-length') ?? '0';
  if (!/^\d{1,12}$/.test(declared)) return badRequest;
  const length = Number(declared);
  if (length > maxBodyBytes) return tooLarge;
  return (bytes) =>
    bytes.length < length
      ? { kind: 'more', used: 0, need: length }
      : { kind: 'found', used: length, value: bytes.toString('utf8', 0, length) };
}

/** Takes the chunks that are whole at each look and forgets their bytes: no chunk is read twice. */
function chunkReader(): BodyReader {
  const data: Buffer[] = [];
  let total = 0;
  return (bytes) => {
    const pieces: Buffer[] = [];
    let at = 0;
    const step = (): Step<string> => {
      for (;;) {
        const lineEnd = bytes.indexOf('\r\n', at);
        if (lineEnd < 0) {
          const left = bytes.length - at;
          return left > maxChunkLineBytes ? refused(badRequest) : { kind: 'more', used: at, need: left + 1 };
        }
        const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(bytes.toString('latin1', at, lineEnd))?.[1];
        if (size === undefined) return refused(badRequest);
        const length = Number.parseInt(size, 16);
        if (total + length > maxBodyBytes) return refused(tooLarge);
        const next = lineEnd + 2 + length + 2;
        if (bytes.length < next) return { kind: 'more', used: at, need: next - at };
        // Trailers are not understood: what follows the last chunk must be the blank line.
        if (length === 0) {
          return { kind: 'found', used: next, value: Buffer.concat([...data, ...pieces]).toString('utf8') };
        }
        total += length;
        pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
        at = next;
      }
    };
    const seen = step();
    // One buffer a look: a million chunks of one byte are not a million buffers.
    if (pieces.length > 0) data.push(Buffer.concat(pieces));
    return seen;
  };
}

function refused(status: string): Refused {
  return { kind: 'refused', status };
}
