/* One connection to an endpoint, over which requests are sent one after the other, and their answers recorded. */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { createSseDecoder } from '@tailrace/protocol';
import type { Endpoint } from './endpoint.ts';
import type { Exchange, ExchangeEnd, WireRequest, WireResponse } from './exchange.ts';
import { ResponseReader, type Room } from './response-reader.ts';

export interface ExchangeOptions {
  /** For the whole exchange, from the connection to the end of the body. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Headers that no recording shows: the key, and what the user gave. */
  readonly secretHeaders: Readonly<Record<string, string>>;
  /** Closes the connection when so many events of a stream have come. */
  readonly leaveAfter?: number;
  /** Stops to read for `pauseMs` when so many events of a stream have come. */
  readonly pauseAfter?: { readonly events: number; readonly pauseMs: number };
  /** What is kept of all answers together. */
  readonly room?: Room;
  /** Called once, with the first bytes of the body. */
  readonly onBody?: (response: WireResponse) => void;
}

export interface Connection {
  /** Records one request and its answer; never rejects. */
  exchange(name: string, request: WireRequest, options: ExchangeOptions): Promise<Exchange>;
  /** Whether the last answer left the connection open. */
  readonly reusable: boolean;
  close(): void;
}

/** Opens on the first exchange; the caller closes it. */
export function createConnection(endpoint: Endpoint): Connection {
  let socket: Socket | undefined;
  let reusable = false;
  let answered = 0;

  function open(): Socket {
    const { host, port, secure } = endpoint;
    const opened = secure
      ? connectSecure({
          host,
          port,
          servername: /^[\d.]+$|:/.test(host) ? '' : host,
          ALPNProtocols: ['http/1.1'],
        })
      : connectPlain({ host, port });
    opened.setNoDelay(true);
    // Each exchange has listeners of its own; between two of them a reset is seen by the next one.
    opened.on('error', () => {});
    return opened;
  }

  return {
    get reusable() {
      return reusable && socket !== undefined && !socket.destroyed && !socket.readableEnded;
    },
    close: () => void socket?.destroy(),
    async exchange(name, request, options) {
      const reused = answered > 0;
      socket ??= open();
      const current = socket;
      const recorded = await record(
        current,
        bytesOf(endpoint, request, options.secretHeaders),
        request.method,
        options,
      );
      answered += 1;
      reusable = recorded.reusable;
      if (!reusable) current.destroy();
      const { leaveAfter, pauseAfter } = options;
      const interruptedAfter = leaveAfter ?? pauseAfter?.events;
      return {
        name,
        request,
        ...recorded.seen,
        ...(reused ? { reusedConnection: true } : {}),
        ...(interruptedAfter === undefined ? {} : { interruptedAfter }),
      };
    },
  };
}

interface Recorded {
  readonly seen: Pick<Exchange, 'response' | 'end' | 'problem'>;
  readonly reusable: boolean;
}

function record(
  socket: Socket,
  bytes: Buffer,
  method: string,
  { timeoutMs, signal, leaveAfter, pauseAfter, room, onBody }: ExchangeOptions,
): Promise<Recorded> {
  return new Promise((resolve) => {
    const started = performance.now();
    const elapsedMs = () => performance.now() - started;
    let events = 0;
    let resumeTimer: NodeJS.Timeout | undefined;
    let paused = false;
    let bodyBegun = false;
    const decoder = createSseDecoder({}, (item) => {
      if (item.type === 'event') events += 1;
    });
    const reader = new ResponseReader({ noBody: method === 'HEAD', ...(room && { room }) }, (piece) =>
      decoder.push(piece),
    );
    const timer = setTimeout(() => settle('timeout', `no end within ${timeoutMs / 1000} s`), timeoutMs);

    function settle(end: ExchangeEnd, problem?: string): void {
      clearTimeout(timer);
      clearTimeout(resumeTimer);
      signal.removeEventListener('abort', onAbort);
      socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
      if (end !== 'whole') socket.destroy();
      const response = reader.response();
      resolve({
        seen: {
          end,
          ...(response === undefined ? {} : { response }),
          ...(problem === undefined ? {} : { problem }),
        },
        reusable: end === 'whole' && reader.keepsOpen,
      });
    }

    function onData(read: Buffer): void {
      reader.push(read, elapsedMs());
      const response = reader.response();
      if (!bodyBegun && response !== undefined && response.pieces.length > 0) {
        bodyBegun = true;
        onBody?.(response);
      }
      switch (reader.state) {
        case 'whole':
          settle('whole');
          return;
        case 'too-large':
          settle('too-large', 'the answer is larger than what is kept of one');
          return;
        case 'malformed':
          settle('cut', reader.problem);
          return;
        case 'head':
        case 'body':
          interrupt();
      }
    }

    function interrupt(): void {
      if (leaveAfter !== undefined && events >= leaveAfter) {
        settle('left');
        return;
      }
      if (pauseAfter === undefined || paused || events < pauseAfter.events) return;
      paused = true;
      socket.pause();
      resumeTimer = setTimeout(() => socket.resume(), pauseAfter.pauseMs);
    }

    function onEnd(): void {
      reader.close(elapsedMs());
      if (reader.state === 'whole') settle('whole');
      else settle('cut', 'the connection ended inside the answer');
    }

    function onError(error: NodeJS.ErrnoException): void {
      settle('cut', connectionProblem(error));
    }

    function onAbort(): void {
      settle('left', 'the check was stopped');
    }

    socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else socket.write(bytes);
  });
}

function bytesOf(endpoint: Endpoint, request: WireRequest, secret: Readonly<Record<string, string>>): Buffer {
  const { method, path, version = '1.1', headers, body } = request;
  const defaultPort = endpoint.secure ? 443 : 80;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  const all: Record<string, string> = {
    host: endpoint.port === defaultPort ? host : `${host}:${endpoint.port}`,
    'user-agent': 'tailrace-check',
    ...secret,
    ...headers,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  // An empty value takes a header away: a request without the key.
  const lines = Object.entries(all).filter(([, value]) => value !== '');
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/${version}\r\n${head}\r\n`, 'latin1'),
    Buffer.from(body ?? '', 'utf8'),
  ]);
}

/** What to say of a socket's error, in one line. OpenSSL's own words for a server without TLS say what neither of the two is. */
function connectionProblem(error: NodeJS.ErrnoException): string {
  if (error.code === 'EPROTO' || error.code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `no TLS could be agreed on (${error.code}): a server without TLS has a URL that begins with http://`;
  return error.message.trim();
}
