import { Duplex } from 'node:stream';
import type { Mortal } from './mortal.ts';

/** The server's end of a connection without a network: it can be given to an HTTP server of Node. */
class MemorySocket extends Duplex {
  private readonly onBytes: (bytes: Buffer) => void;

  constructor(onBytes: (bytes: Buffer) => void) {
    super({ decodeStrings: true });
    this.onBytes = onBytes;
  }
  override _read(): void {}
  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.onBytes(bytes);
    done();
  }
  override _final(done: () => void): void {
    done();
  }
  /* What Node's HTTP and this server call besides. */
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  resetAndDestroy(): void {
    this.destroy();
  }
}

/** An answer, as far as it has arrived. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Without the framing of chunks. */
  readonly body: string;
  /** The body has ended as its framing says. */
  readonly whole: boolean;
}

export interface MemoryRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface MemoryConnection {
  readonly socket: Duplex;
  /** Undefined before the head. */
  received(): ReceivedAnswer | undefined;
  /** The client has left. */
  leave(): void;
}

/** Opens a connection and writes one request to it; the caller gives `socket` to a server. */
export function openConnection(
  { method, path, headers, body = '' }: MemoryRequest,
  server: Mortal,
): MemoryConnection {
  let text = '';
  const socket = new MemorySocket((bytes) => {
    server.effect();
    if (!server.dead) text += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  const all = {
    host: 'simulation',
    ...headers,
    ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.push(Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`));
  return {
    socket,
    received: () => parse(text),
    leave: () => socket.destroy(),
  };
}

function parse(text: string): ReceivedAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const status = Number(first.split(' ')[1]);
  const rest = text.slice(end + 4);
  const length = headers['content-length'];
  if (length !== undefined) return { status, headers, body: rest, whole: rest.length === Number(length) };
  return { status, headers, ...unchunked(rest) };
}

function unchunked(text: string): { readonly body: string; readonly whole: boolean } {
  let body = '';
  for (let at = 0; ; ) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return { body, whole: false };
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size === 0) return { body, whole: true };
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
