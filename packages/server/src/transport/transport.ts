import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { nameOf } from '../telemetry/wording.ts';
import {
  type Connection,
  createConnection,
  type SendOutcome,
  type WireAnswer,
  type WireRequest,
} from './connection.ts';
import type { Route } from './open-socket.ts';
import { type Environment, proxyFor } from './proxy.ts';

/**
 * HTTP/1.1 to one upstream: a pool of connections to one origin, with its credentials, proxy and certificates. It follows no
 * redirect and connects to no other origin, so no credential can reach one.
 *
 *     post ──▶ an idle connection ──▶ lost before the first byte of an answer ──▶ a new connection, once
 *         └──▶ a new connection
 */
export interface Transport {
  /**
   * Sends a POST and resolves with the head of the answer. The caller reads the body to its end, or calls its `return()` or
   * `release()`. An abort of `signal` destroys the socket at once and ends the body.
   *
   * Failures: `upstream_refused` (no connection, or lost before an answer; `permanent` for a redirect), `upstream_protocol`
   * (not HTTP, or a body with a content coding).
   */
  post(request: PostRequest, signal: AbortSignal): Promise<Result<WireAnswer>>;
  /** Sends a GET; otherwise like {@link Transport.post}. */
  get(request: Omit<PostRequest, 'body'>, signal: AbortSignal): Promise<Result<WireAnswer>>;
  readonly stats: TransportStats;
  /**
   * Keeps no idle connection any more: idle ones close now, the others after their answer. Later requests are still sent,
   * each on a connection of its own.
   */
  retire(): void;
  /** Destroys every connection. */
  close(): void;
}

export interface PostRequest extends Omit<WireRequest, 'method'> {
  /** Milliseconds to open a new connection. Default: those of the transport. */
  readonly connectMs?: number | undefined;
}

export interface TransportStats {
  /** Open sockets, busy and idle ones. */
  readonly openSockets: number;
  /** Connections that serve a request, or drop the rest of its answer. */
  readonly busy: number;
}

export interface TransportOptions {
  /** Scheme, host and port. Its path is ignored: each request has its own. */
  readonly origin: URL;
  /** Sent with every request, credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for TCP, the proxy and TLS together, where the request has no value of its own. */
  readonly connectMs: number;
  readonly env: Environment;
  /** URL of a proxy. Default: the one that the environment names, if any. */
  readonly proxy?: string;
  /** Certificates in PEM that are trusted besides those that Node trusts. */
  readonly ca?: string;
}

const maxIdle = 256;

/** Headers that only this room sets: they frame the message or concern the connection. */
const ownHeaders: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'accept-encoding',
  'proxy-authorization',
]);

/**
 * Creates a transport; the caller closes it. Failure: `invalid_value` for a malformed proxy or certificate, and for a header
 * that only this room sets.
 */
export function createTransport(options: TransportOptions): Result<Transport> {
  const own = Object.keys(options.headers).find((name) => ownHeaders.has(name.toLowerCase()));
  if (own !== undefined) {
    return fail(failure('invalid_value', `the header '${own}' is set by the connection itself`));
  }
  const proxy = proxyFor(options.origin, options.proxy, options.env);
  if (!proxy.ok) return proxy;
  const trusted = secureContextOf(options.ca);
  if (!trusted.ok) return trusted;
  const route: Route = { origin: options.origin, proxy: proxy.value, secureContext: trusted.value };
  return ok(pooled(route, options));
}

function secureContextOf(ca: string | undefined): Result<SecureContext | undefined> {
  if (ca === undefined) return ok(undefined);
  try {
    return ok(createSecureContext({ ca: [...getCACertificates('default'), ca] }));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return fail(failure('invalid_value', `the certificates cannot be read: ${detail}`));
  }
}

function pooled(route: Route, { headers, connectMs }: TransportOptions): Transport {
  // Every connection is referenced here while it lives: otherwise the garbage collector could take it within a stream.
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  let openSockets = 0;
  let retired = false;

  function open(withinMs: number): Connection {
    const connection = createConnection(route, withinMs, {
      opened: () => {
        openSockets += 1;
      },
      closed: () => {
        openSockets -= 1;
      },
      idle: (free) => {
        if (!retired && idle.length < maxIdle) idle.push(free);
        else free.destroy();
      },
      gone: (lost) => {
        all.delete(lost);
        const at = idle.indexOf(lost);
        if (at >= 0) idle.splice(at, 1);
      },
    });
    all.add(connection);
    return connection;
  }

  async function send(
    { connectMs: withinMs = connectMs, ...request }: WireRequest & Pick<PostRequest, 'connectMs'>,
    signal: AbortSignal,
  ): Promise<Result<WireAnswer>> {
    const sent = { ...request, headers: { ...request.headers, ...headers, 'accept-encoding': 'identity' } };
    // The most recently used connection first: it is the least likely to be closed by the server.
    const reused = idle.pop();
    let outcome = await (reused ?? open(withinMs)).send(sent, signal);
    if (reused !== undefined && outcome.kind === 'failed' && outcome.unanswered && !signal.aborted) {
      outcome = await open(withinMs).send(sent, signal);
    }
    return checkAnswer(outcome);
  }

  return {
    post: send,
    get: (request, signal) => send({ ...request, method: 'GET', body: '' }, signal),
    stats: {
      get openSockets() {
        return openSockets;
      },
      get busy() {
        return all.size - idle.length;
      },
    },
    retire() {
      retired = true;
      for (const connection of [...idle]) connection.destroy();
    },
    close() {
      for (const connection of [...all]) connection.destroy();
    },
  };
}

function checkAnswer(outcome: SendOutcome): Result<WireAnswer> {
  if (outcome.kind === 'failed') return fail(outcome.failure);
  const { answer } = outcome;
  const coding = answer.headers['content-encoding'];
  if (answer.status < 400 && coding !== undefined && coding !== '' && coding !== 'identity') {
    void answer.body.return();
    return fail(
      failure('upstream_protocol', 'The upstream compressed its answer although it was asked not to.', {
        detail: `content-encoding: ${nameOf(coding)}`,
      }),
    );
  }
  if (answer.status >= 300 && answer.status < 400) {
    void answer.body.return();
    return fail(
      failure('upstream_refused', 'The upstream answered with a redirect, and none is followed.', {
        permanent: true,
        detail: `HTTP ${answer.status}`,
      }),
    );
  }
  return ok(answer);
}
