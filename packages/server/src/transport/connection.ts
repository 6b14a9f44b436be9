import type { Socket } from 'node:net';
import { Client, type Dispatcher, errors } from 'undici';
import { type Failure, failure } from '../domain/failure.ts';
import { type AnswerBody, type BodyQueue, createBodyQueue } from './answer-body.ts';
import { ConnectError, openSocket, type Route } from './connect.ts';
import { proxyAuthorization } from './proxy.ts';

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
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
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

const maxHeadBytes = 32 * 1024;
// llama.cpp and others close an idle socket after 5 s: let go a little earlier, unless a server says more.
const keepAliveMs = 4_000;
const maxKeepAliveMs = 60_000;

/** A connection that opens its socket with its first request. */
export function createConnection(route: Route, connectMs: number, events: ConnectionEvents): Connection {
  const stop = new AbortController();
  let socket: Socket | undefined;
  let destroyed = false;

  // An http origin behind a proxy is asked for at the proxy, by its whole URL (RFC 9112, section 3.2.2).
  const forwarded = route.proxy !== undefined && route.origin.protocol === 'http:';
  const authorization = route.proxy === undefined ? undefined : proxyAuthorization(route.proxy);
  const client = new Client(
    forwarded && route.proxy !== undefined ? route.proxy.origin : route.origin.origin,
    {
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: maxHeadBytes,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: maxKeepAliveMs,
      // Silence is judged by routing, which knows why it waits.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, callback) => {
        openSocket(route, connectMs, stop.signal).then(
          (opened) => {
            socket = opened;
            events.opened();
            opened.once('close', () => {
              events.closed();
              destroy();
            });
            callback(null, opened);
          },
          (error: Error) => callback(error, null),
        );
      },
    },
  );

  function destroy(): void {
    if (destroyed) return;
    destroyed = true;
    stop.abort();
    socket?.destroy();
    client.destroy().catch(() => {});
    events.gone(connection);
  }

  function send(request: WireRequest, signal: AbortSignal): Promise<SendOutcome> {
    return new Promise((resolve) => {
      let controller: Dispatcher.DispatchController | undefined;
      let queue: BodyQueue | undefined;
      let started = false;
      const settle = () => signal.removeEventListener('abort', onAbort);
      const onAbort = () => destroy();

      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(given) {
          controller = given;
        },
        onResponseStarted() {
          started = true;
        },
        onResponseStart(given, status, headers) {
          controller = given;
          // 103 and its kind announce an answer, they are none.
          if (status < 200) return;
          queue = createBodyQueue({
            pause: () => controller?.pause(),
            resume: () => controller?.resume(),
            destroy,
            detach: settle,
          });
          resolve({ kind: 'answer', answer: { status, headers, body: queue.body } });
        },
        onResponseData(_controller, chunk) {
          queue?.push(chunk);
        },
        onResponseEnd() {
          settle();
          queue?.end(undefined);
          // undici closes a socket that may not serve again right after this call.
          setImmediate(() => {
            if (!destroyed && socket?.destroyed === false) events.idle(connection);
            else destroy();
          });
        },
        onResponseError(_controller, error) {
          settle();
          const reason = lost(error, queue !== undefined);
          queue?.end(reason);
          resolve({ kind: 'failed', failure: reason, silent: !started && isLostSocket(error) });
          destroy();
        },
      };

      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      try {
        client.dispatch(
          {
            method: request.method ?? 'POST',
            path: forwarded ? `${route.origin.origin}${request.path}` : request.path,
            headers: {
              ...request.headers,
              ...(forwarded ? { host: route.origin.host } : {}),
              ...(forwarded && authorization !== undefined ? { 'proxy-authorization': authorization } : {}),
            },
            body: request.method === 'GET' ? null : request.body,
          },
          handler,
        );
      } catch (error) {
        // What undici throws at once: a client that was destroyed meanwhile.
        settle();
        const detail = error instanceof Error ? error.message : String(error);
        resolve({ kind: 'failed', failure: refused(detail), silent: true });
        destroy();
      }
    });
  }

  const connection: Connection = { send, destroy };
  return connection;
}

function isLostSocket(error: Error): boolean {
  if (error instanceof errors.SocketError) return true;
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function refused(detail: string): Failure {
  return failure('upstream_refused', 'The upstream could not be reached.', { detail });
}

/** Which failure it is that a connection was lost with this error. */
function lost(error: Error, answered: boolean): Failure {
  const detail = error.message;
  if (error instanceof ConnectError) {
    const message =
      error.kind === 'timeout'
        ? 'The upstream did not accept the connection in time.'
        : 'The upstream could not be reached.';
    return failure('upstream_refused', message, { detail });
  }
  if (
    error instanceof errors.HTTPParserError ||
    error instanceof errors.HeadersOverflowError ||
    error instanceof errors.ResponseContentLengthMismatchError
  ) {
    return failure('upstream_protocol', 'The upstream sent something that is not HTTP.', { detail });
  }
  if (answered) return failure('upstream_cut', 'The upstream broke off its answer.', { detail });
  return failure('upstream_refused', 'The upstream closed the connection before it answered.', { detail });
}
