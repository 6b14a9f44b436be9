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
 * HTTP/1.1 to one upstream: a pool of connections to one origin, with its credentials, its proxy and its
 * certificates. It follows no redirect and knows no other origin, so a credential cannot leave for one.
 *
 *     post ──▶ an idle connection ──▶ lost without a byte of an answer ──▶ a fresh one, once
 *         └──▶ a fresh connection
 */
export interface Transport {
  /**
   * Sends a POST and resolves with the head of the answer; the caller ends its body by reading it to the
   * end, by `return()` or by `release()`. Aborting `signal` destroys the socket at once and ends the body.
   *
   * Failures: `upstream_refused` (no connection, or lost before an answer; a redirect, which is
   * `permanent`), `upstream_protocol` (not HTTP, or a body in a content coding although none was asked for).
   */
  post(request: PostRequest, signal: AbortSignal): Promise<Result<WireAnswer>>;
  /** The same for a GET. */
  get(request: Omit<PostRequest, 'body'>, signal: AbortSignal): Promise<Result<WireAnswer>>;
  readonly stats: TransportStats;
  /**
   * Nothing is kept open any more: idle connections close now, the others when they have served. Requests that
   * still come are served, each by a connection of its own.
   */
  retire(): void;
  /** Destroys every connection. */
  close(): void;
}

export interface PostRequest extends Omit<WireRequest, 'method'> {
  /** How long a fresh connection may take to come about. Default: the transport's. */
  readonly connectMs?: number | undefined;
}

export interface TransportStats {
  /** Sockets that are open, busy or idle. */
  readonly openSockets: number;
  /** Connections that serve a request, or still drain its answer. */
  readonly busy: number;
}

export interface TransportOptions {
  /** Scheme, host and port; the path is each request's own. */
  readonly origin: URL;
  /** Sent with every request; credentials belong here. */
  readonly headers: Readonly<Record<string, string>>;
  /** For TCP, the proxy and TLS together, where a request says nothing else. */
  readonly connectMs: number;
  readonly env: Environment;
  /** Instead of what the environment says. */
  readonly proxy?: string;
  /** Certificates in PEM to trust besides Node's own. */
  readonly ca?: string;
}

const maxIdle = 256;

/** Headers that say how the message is framed, or that this room answers for. */
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

/** Failure: `invalid_value` for a proxy, a certificate or a header that cannot be. The caller closes it. */
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
  // Every connection is held here for its whole life: what nothing holds may be collected in mid-stream.
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
    // The most recently used one first: it is the least likely to have gone stale.
    const reused = idle.pop();
    let outcome = await (reused ?? open(withinMs)).send(sent, signal);
    if (reused !== undefined && outcome.kind === 'failed' && outcome.silent && !signal.aborted) {
      outcome = await open(withinMs).send(sent, signal);
    }
    return judge(outcome);
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

function judge(outcome: SendOutcome): Result<WireAnswer> {
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
