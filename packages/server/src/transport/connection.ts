import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import { type Cause, causeOfBug } from '../domain/cause.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { type AnswerBody, type BodyQueue, createBodyQueue } from './answer-body.ts';
import { ConnectError, openSocket, type Route } from './open-socket.ts';
import { proxyAuthorization } from './proxy.ts';
import { createResponseParser, type ResponseHeaders, type ResponseParser } from './response-parser.ts';

export interface WireRequest {
  /** Default: POST. The body of a GET is empty. */
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
  /** `unanswered`: the connection was lost before the first byte of an answer. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly unanswered: boolean };

/** One socket, which serves requests one after the other. */
export interface Connection {
  /** Sends a request and resolves with the head of its answer. One at a time. An abort destroys the socket. */
  send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome>;
  /** Destroys the socket, also within an answer. */
  destroy(): void;
}

export interface ConnectionEvents {
  /** The socket is open. */
  opened(): void;
  /** The socket is closed; called once for each `opened`. */
  closed(): void;
  /** An answer is whole: the connection can serve another request. */
  idle(connection: Connection): void;
  /** The connection serves no request any more. Called once. */
  gone(connection: Connection): void;
}

/**
 * After a read of this size there is probably more, and Node would read this socket up to 32 times before another one. So the
 * other sockets are served first. 64 KiB of SSE comments of five bytes each take 13 ms; two megabytes of them take 400 ms.
 */
const largeReadBytes = 16 * 1024;

/** The request that the connection serves now. */
interface ActiveRequest {
  readonly parser: ResponseParser;
  /** Set when the head of the answer has come. */
  queue: BodyQueue | undefined;
  /** Whether the first byte of the answer has come. */
  answerBegun: boolean;
  /** Ends the request's promise, or the answer's body, with this failure. */
  fail(reason: Failure, unanswered: boolean): void;
}

/**
 * Creates a connection; it opens its socket with its first request. It has an HTTP/1.1 client of its own, with which a
 * relayed event costs some 5 µs less than with a general client (docs/performance.md).
 */
export function createConnection(route: Route, connectMs: number, events: ConnectionEvents): Connection {
  const stop = new AbortController();
  let socket: Socket | undefined;
  let active: ActiveRequest | undefined;
  let destroyed = false;
  let socketError: Error | undefined;
  /** False while the body has paused the socket. */
  let wanted = true;
  /** True after a large read, until other sockets have been served. */
  let yielding = false;

  // For an http origin the proxy gets the request, with the whole URL as its target (RFC 9112, section 3.2.2).
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

  /** Ends the active request, where there is one, with a failure. */
  function end(reason: Failure, connectionLost: boolean): void {
    const ending = active;
    active = undefined;
    ending?.fail(reason, connectionLost && !ending.answerBegun);
  }

  function onBytes(buffer: Buffer, length: number): void {
    try {
      takeBytes(buffer, length);
    } catch (bug) {
      // Thrown further, a bug in one stream would end the process with all its streams.
      socketError = bug instanceof Error ? bug : new Error(String(bug));
      destroy();
    }
  }

  function takeBytes(buffer: Buffer, length: number): void {
    const running = active;
    if (running === undefined) {
      // Bytes without a request are no answer.
      destroy();
      return;
    }
    running.answerBegun = true;
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
      return { kind: 'failed', failure: refused(detail), unanswered: false };
    }
    const settle = () => signal.removeEventListener('abort', destroy);
    signal.addEventListener('abort', destroy, { once: true });
    if (signal.aborted) destroy();
    if (socket === undefined && !destroyed) {
      const opened = await openOwn();
      if (opened instanceof ConnectError) {
        settle();
        destroy();
        return { kind: 'failed', failure: unreachable(opened), unanswered: false };
      }
      socket = opened;
      if (destroyed) opened.destroy();
    }
    const current = socket;
    if (destroyed || current === undefined || current.destroyed) {
      settle();
      destroy();
      return { kind: 'failed', failure: lost(socketError, undefined), unanswered: true };
    }
    current.setTimeout(0);
    return new Promise((resolve) => {
      const running: ActiveRequest = {
        queue: undefined,
        answerBegun: false,
        fail(reason, unanswered) {
          settle();
          running.queue?.end(reason);
          resolve({ kind: 'failed', failure: reason, unanswered });
        },
        parser: createResponseParser({
          head(status, headers) {
            const queue = createBodyQueue({
              pause: () => {
                wanted = false;
                current.pause();
              },
              resume: () => {
                wanted = true;
                if (!yielding) current.resume();
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
            // Where the answer ended before its request was sent, the socket cannot serve another request.
            if (idleMs === 0 || destroyed || current.destroyed || current.writableLength > 0) {
              destroy();
              return;
            }
            current.setTimeout(idleMs);
            wanted = true;
            current.resume();
            events.idle(connection);
          },
        }),
      };
      active = running;
      current.cork();
      current.write(head, 'latin1');
      current.write(request.body);
      current.uncork();
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

/** An error of the system names hosts and ports. Any other error is a bug in a stream, and may quote bytes of the answer. */
function causeOfLoss(error: Error): Cause {
  return 'code' in error ? { detail: error.message } : causeOfBug(error);
}

/** The failure of a request whose connection ended, with or without an error. */
function lost(error: Error | undefined, active: ActiveRequest | undefined): Failure {
  const cause = error === undefined ? { detail: 'the other side closed the connection' } : causeOfLoss(error);
  if (active?.queue !== undefined) {
    return failure('upstream_cut', 'The upstream broke off its answer.', cause);
  }
  return failure('upstream_refused', 'The upstream closed the connection before it answered.', cause);
}
