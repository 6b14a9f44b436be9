import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import { type Cause, causeOfBug } from '../domain/cause.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { type AnswerBody, type BodyQueue, createBodyQueue } from './answer-body.ts';
import { ConnectError, openSocket, type Route } from './open-socket.ts';
import { proxyAuthorization } from './proxy.ts';
import { createResponseParser, type ResponseHeaders, type ResponseParser } from './response-parser.ts';

export interface WireRequest {
  /** Default: POST. A GET has no body. */
  readonly method?: 'GET' | 'POST';
  /** Path and query, beginning with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WireAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ResponseHeaders;
  readonly body: AnswerBody;
}

export type SendOutcome =
  | { readonly kind: 'answer'; readonly answer: WireAnswer }
  /** `silent`: the connection was lost before a byte of an answer had come. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly silent: boolean };

/** One socket and the requests that go through it, one after the other. */
export interface Connection {
  send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome>;
  /** Destroys the socket, whatever it is doing. */
  destroy(): void;
}

export interface ConnectionEvents {
  /** A socket was opened, and later is closed. */
  opened(): void;
  closed(): void;
  /** Answered whole: the connection may serve again. */
  idle(connection: Connection): void;
  /** It will never serve again. */
  gone(connection: Connection): void;
}

/**
 * A read of this size has more behind it, and Node would read the socket up to 32 times before any other: other
 * sockets come first. 64 KiB of comments, five bytes each, take 13 ms; two megabytes of them take 400.
 */
const largeReadBytes = 16 * 1024;

/** The request under way. */
interface ActiveRequest {
  readonly parser: ResponseParser;
  /** Set with the head of the answer. */
  queue: BodyQueue | undefined;
  /** Whether a byte of an answer has come. */
  heard: boolean;
  fail(reason: Failure, silent: boolean): void;
}

/**
 * A connection that opens its socket with its first request. It speaks HTTP/1.1 itself: that costs a relayed
 * event some 5 µs less than a general client (docs/performance.md).
 */
export function createConnection(route: Route, connectMs: number, events: ConnectionEvents): Connection {
  const stop = new AbortController();
  let socket: Socket | undefined;
  let active: ActiveRequest | undefined;
  let destroyed = false;
  let socketError: Error | undefined;
  /** The body's reader wants more. */
  let wanted = true;
  /** Behind a large read, until the other sockets have been served. */
  let yielding = false;

  // An http origin behind a proxy is asked for at the proxy, by its whole URL (RFC 9112, section 3.2.2).
  const forwarded = route.proxy !== undefined && route.origin.protocol === 'http:';
  const authorization = route.proxy === undefined ? undefined : proxyAuthorization(route.proxy);

  function destroy(): void {
    if (destroyed) return;
    destroyed = true;
    stop.abort();
    socket?.destroy();
    end(lost(socketError, active), true);
    events.gone(connection);
  }

  /** Ends the active by a failure, where there is one. */
  function end(reason: Failure, silentIfUnheard: boolean): void {
    const ending = active;
    active = undefined;
    ending?.fail(reason, silentIfUnheard && !ending.heard);
  }

  function onBytes(buffer: Buffer, length: number): void {
    try {
      takeBytes(buffer, length);
    } catch (bug) {
      // Thrown on, a bug of one stream would end the process and every other stream in it.
      socketError = bug instanceof Error ? bug : new Error(String(bug));
      destroy();
    }
  }

  function takeBytes(buffer: Buffer, length: number): void {
    const running = active;
    if (running === undefined) {
      // Bytes that nobody asked for: whatever they are, they answer nothing.
      destroy();
      return;
    }
    running.heard = true;
    const problem = running.parser.push(buffer, length);
    if (problem !== undefined) {
      const what = 'The upstream sent something that is not HTTP.';
      end(failure('upstream_protocol', what, { detail: problem }), false);
      destroy();
    }
    running.queue?.flush();
    if (length >= largeReadBytes && wanted && !destroyed) yieldToOthers();
  }

  function yieldToOthers(): void {
    yielding = true;
    socket?.pause();
    setImmediate(() => {
      yielding = false;
      if (wanted && !destroyed) socket?.resume();
    });
  }

  async function openOwn(): Promise<Socket | ConnectError> {
    try {
      const opened = await openSocket(route, connectMs, onBytes, stop.signal);
      events.opened();
      opened.on('error', (error) => {
        socketError = error;
      });
      opened.on('end', () => {
        active?.parser.close();
        destroy();
      });
      opened.on('timeout', destroy);
      opened.once('close', () => {
        events.closed();
        destroy();
      });
      return opened;
    } catch (error) {
      if (error instanceof ConnectError) return error;
      throw error;
    }
  }

  function headOf({ method = 'POST', path, headers, body }: WireRequest): string {
    const target = forwarded ? `${route.origin.origin}${path}` : path;
    if (/[^\x21-\xff]/.test(target)) throw new TypeError('a path with characters that no path has');
    let head = `${method} ${target} HTTP/1.1\r\nhost: ${route.origin.host}\r\nconnection: keep-alive\r\n`;
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      head += `${name}: ${value}\r\n`;
    }
    if (forwarded && authorization !== undefined) head += `proxy-authorization: ${authorization}\r\n`;
    if (method === 'POST') head += `content-length: ${Buffer.byteLength(body)}\r\n`;
    return `${head}\r\n`;
  }

  async function send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome> {
    let head: string;
    try {
      head = headOf(request);
    } catch (error) {
      destroy();
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', failure: refused(detail), silent: false };
    }
    const settle = () => signal.removeEventListener('abort', destroy);
    signal.addEventListener('abort', destroy, { once: true });
    if (signal.aborted) destroy();
    if (socket === undefined && !destroyed) {
      const opened = await openOwn();
      if (opened instanceof ConnectError) {
        settle();
        destroy();
        return { kind: 'failed', failure: unreachable(opened), silent: false };
      }
      socket = opened;
      if (destroyed) opened.destroy();
    }
    const through = socket;
    if (destroyed || through === undefined || through.destroyed) {
      settle();
      destroy();
      return { kind: 'failed', failure: lost(socketError, undefined), silent: true };
    }
    through.setTimeout(0);
    return new Promise((resolve) => {
      const running: ActiveRequest = {
        queue: undefined,
        heard: false,
        fail(reason, silent) {
          settle();
          running.queue?.end(reason);
          resolve({ kind: 'failed', failure: reason, silent });
        },
        parser: createResponseParser({
          head(status, headers) {
            const queue = createBodyQueue({
              pause: () => {
                wanted = false;
                through.pause();
              },
              resume: () => {
                wanted = true;
                if (!yielding) through.resume();
              },
              destroy,
              detach: settle,
            });
            running.queue = queue;
            resolve({ kind: 'answer', answer: { status, headers, body: queue.body } });
          },
          body(buffer, from, to) {
            running.queue?.push(buffer, from, to);
          },
          end(idleMs) {
            settle();
            active = undefined;
            running.queue?.end(undefined);
            // An answer that overtook its request leaves half of one on the socket.
            if (idleMs === 0 || destroyed || through.destroyed || through.writableLength > 0) {
              destroy();
              return;
            }
            through.setTimeout(idleMs);
            wanted = true;
            through.resume();
            events.idle(connection);
          },
        }),
      };
      active = running;
      through.cork();
      through.write(head, 'latin1');
      through.write(request.body);
      through.uncork();
    });
  }

  const connection: Connection = { send, destroy };
  return connection;
}

function refused(detail: string): Failure {
  return failure('upstream_refused', 'The upstream could not be reached.', { detail });
}

function unreachable({ kind, message }: ConnectError): Failure {
  if (kind !== 'timeout') return refused(message);
  return failure('upstream_refused', 'The upstream did not accept the connection in time.', {
    detail: message,
  });
}

/** The system's errors name hosts and ports; any other is a bug of a stream, and may quote what it read. */
function causeOfLoss(error: Error): Cause {
  return 'code' in error ? { detail: error.message } : causeOfBug(error);
}

/** Which failure it is that the connection ended, with this error or without. */
function lost(error: Error | undefined, active: ActiveRequest | undefined): Failure {
  const cause = error === undefined ? { detail: 'the other side closed the connection' } : causeOfLoss(error);
  if (active?.queue !== undefined) {
    return failure('upstream_cut', 'The upstream broke off its answer.', cause);
  }
  return failure('upstream_refused', 'The upstream closed the connection before it answered.', cause);
}
