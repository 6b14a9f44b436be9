import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { nameOf } from '../telemetry/wording.ts';
import {
  type Connection,
  type ConnectionEvents,
  createConnection,
  type SendOutcome,
  type WireAnswer,
} from './connection.ts';
import type { Route } from './open-socket.ts';
import { type Environment, proxyFor } from './proxy.ts';
import { createRequestHeads, type RequestHeads, type WireRequest } from './request-heads.ts';

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

/** A request, with a connect timeout of its own if it has one. */
export interface PostRequest extends Omit<WireRequest, 'method'> {
  /** Milliseconds to open a new connection. Default: those of the transport. */
  readonly connectMs?: number | undefined;
}

/** The connections of a transport, now. */
export interface TransportStats {
  /** Open sockets, busy and idle ones. */
  readonly openSockets: number;
  /** Connections that serve a request, or drop the rest of its answer. */
  readonly busy: number;
}

/** One upstream's origin, and how it is reached. */
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
  return ok(new Pool(route, options));
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

/**
 * How often idle connections are counted down. One timer for the pool costs less than one for each socket, which would also be
 * restarted with every read and write. A connection is closed up to this much before its time, never after it.
 */
const sweepMs = 500;

interface IdleConnection {
  readonly connection: Connection;
  /** The connection is closed when this is 0. */
  sweepsLeft: number;
}

class Pool implements Transport, TransportStats, ConnectionEvents {
  private readonly route: Route;
  private readonly heads: RequestHeads;
  private readonly connectMs: number;
  /** Every connection, while it lives: otherwise the garbage collector could take one within a stream. */
  private readonly all = new Set<Connection>();
  private readonly idling: IdleConnection[] = [];
  private sweeper: NodeJS.Timeout | undefined;
  private retired = false;
  openSockets = 0;

  constructor(route: Route, { headers, connectMs }: TransportOptions) {
    this.route = route;
    this.heads = createRequestHeads(route, headers);
    this.connectMs = connectMs;
  }

  get stats(): TransportStats {
    return this;
  }

  get busy(): number {
    return this.all.size - this.idling.length;
  }

  post(request: PostRequest, signal: AbortSignal): Promise<Result<WireAnswer>> {
    return this.send(request, signal);
  }

  get(request: Omit<PostRequest, 'body'>, signal: AbortSignal): Promise<Result<WireAnswer>> {
    return this.send({ ...request, method: 'GET', body: '' }, signal);
  }

  retire(): void {
    this.retired = true;
    for (const { connection } of [...this.idling]) connection.destroy();
  }

  close(): void {
    for (const connection of [...this.all]) connection.destroy();
  }

  opened(): void {
    this.openSockets += 1;
  }

  closed(): void {
    this.openSockets -= 1;
  }

  idle(connection: Connection, idleMs: number): void {
    if (this.retired || this.idling.length >= maxIdle) {
      connection.destroy();
      return;
    }
    this.idling.push({ connection, sweepsLeft: Math.floor(idleMs / sweepMs) });
    this.sweeper ??= setInterval(() => this.sweep(), sweepMs).unref();
  }

  gone(connection: Connection): void {
    this.all.delete(connection);
    const at = this.idling.findIndex((one) => one.connection === connection);
    if (at >= 0) this.idling.splice(at, 1);
  }

  private async send(
    request: WireRequest & Pick<PostRequest, 'connectMs'>,
    signal: AbortSignal,
  ): Promise<Result<WireAnswer>> {
    // The most recently used connection first: it is the least likely to be closed by the server.
    const reused = this.idling.pop()?.connection;
    let outcome = await (reused ?? this.connect(request)).send(request, signal);
    if (reused !== undefined && outcome.kind === 'failed' && outcome.unanswered && !signal.aborted) {
      outcome = await this.connect(request).send(request, signal);
    }
    return checkAnswer(outcome);
  }

  private connect({ connectMs = this.connectMs }: Pick<PostRequest, 'connectMs'>): Connection {
    const connection = createConnection(this.route, this.heads, connectMs, this);
    this.all.add(connection);
    return connection;
  }

  private sweep(): void {
    for (const one of [...this.idling]) {
      one.sweepsLeft -= 1;
      if (one.sweepsLeft <= 0) one.connection.destroy();
    }
    if (this.idling.length > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }
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
