import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type Authenticator, nobody } from '../access/authenticator.ts';
import type { Principal } from '../access/principal.ts';
import { bugFailure } from '../domain/bug-failure.ts';
import { causeOf } from '../domain/cause.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { readParameters } from '../domain/query-parameters.ts';
import { maskSignatures } from '../telemetry/signature-mask.ts';
import type { Span } from '../telemetry/traces/contract.ts';
import { errorReply } from '../wire/error-reply.ts';
import type { Cors } from './cors.ts';
import type { AnswerHeaders, Exchange, ExchangeNotes } from './exchange.ts';
import { refuseForeign } from './refuse-foreign.ts';
import { replyFailure } from './reply.ts';
import { matchRoute, type Route } from './route.ts';
import { unknownUrl } from './unknown-url.ts';

export interface HandlerOptions {
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  readonly cors: Cors;
  /** With authentication off: serve only hosts and origins of this machine. */
  readonly ownHostsOnly: boolean;
  /** Milliseconds that a client may accept nothing of its answer. */
  readonly clientWriteMs: number;
  newRequestId(): string;
  /** Once per request whose route was found, before anything is read of it. Default: nothing happens. */
  onRoute?(route: Route): void;
  /** Starts the span of a request whose route was found. Absent: requests are not traced. */
  startSpan?(route: Route, exchange: Pick<Exchange, 'request' | 'requestId'>): Span | undefined;
  /** Once per request, when its answer is over. */
  onDone(exchange: Exchange): void;
}

const hostMissing = failure(
  'invalid_value',
  'A request has one Host header; this one has none, or several.',
  {
    param: 'Host',
  },
);

/** Refuses transfer codings that we do not decode: the bytes that we would read are not the body that the client means. */
function refuseFraming({ headers, httpVersion }: IncomingMessage): Failure | undefined {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  const param = 'Transfer-Encoding';
  if (httpVersion !== '1.1') {
    const message = `HTTP/${httpVersion} has no Transfer-Encoding; send the body with a Content-Length.`;
    return failure('invalid_value', message, { param });
  }
  if (coding.trim().toLowerCase() === 'chunked') return undefined;
  const message =
    "The only Transfer-Encoding taken is 'chunked', once; send the body in it, or with a Content-Length.";
  return failure('invalid_value', message, { param });
}

/**
 * A parameter that the administration ignored would be carried out as another command than was meant. Clients of the other
 * routes send parameters of their own, such as `api-version`.
 */
function refuseQuery({ access, readsQuery }: Route, query: string): Failure | undefined {
  const administers = access === 'admin' || access === 'sign-in';
  if (!administers || readsQuery || query === '') return undefined;
  const read = readParameters(query, []);
  return read.ok ? undefined : read.failure;
}

/** The envelope of refusals by path: the surface's at its path and below it, also where no route is found. */
function errorReplies(routes: readonly Route[]): (path: string) => Exchange['errorReply'] {
  const surfaces = routes
    .flatMap(({ path, surface }) => (surface === undefined ? [] : { path, surface }))
    .toSorted((one, other) => other.path.length - one.path.length);
  return (path) => {
    const at = surfaces.find((one) => path === one.path || path.startsWith(`${one.path}/`));
    return at?.surface.errorReply ?? errorReply;
  };
}

/** The handler learns both once it has the head; the route gets the exchange after that. */
type OpenExchange = Omit<Exchange, 'id' | 'principal' | 'span'> & {
  id: string;
  principal: Principal;
  span: Span | undefined;
};

function ignore(): void {}

function closeOf(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('close', resolve));
}

const unknownPrincipal: Principal = { ...nobody, keyId: 'none' };

/**
 * Handles every request: finds the route, authenticates, calls the route. Never rejects: a bug in a route becomes
 * `internal_error`, or a reset where the head has left already.
 */
export function createHandler(options: HandlerOptions) {
  const { routes, authenticator, cors } = options;
  const errorReplyAt = errorReplies(routes);

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Promise<void> => {
    const [path = '', query = ''] = splitUrl(request.url ?? '');
    const notes: ExchangeNotes = {};
    const requestId = options.newRequestId();
    const headers: AnswerHeaders = { 'x-request-id': requestId };
    const startedMs = performance.now();
    const exchange: OpenExchange = {
      request,
      response,
      requestId,
      headers,
      startedMs,
      arrivedMs: startedMs,
      path,
      query,
      id: '',
      principal: unknownPrincipal,
      errorReply: errorReplyAt(path),
      expectsContinue,
      clientWriteMs: options.clientWriteMs,
      span: undefined,
      notes,
    };
    const [clientRequestId] = request.headersDistinct['x-request-id'] ?? [];
    // Any client chooses this text, so its length is bounded.
    if (clientRequestId !== undefined) notes.clientRequestId = clientRequestId.slice(0, 128);
    // 'close' reports that the socket has ended. Without a listener 'error' would end the process.
    response.on('error', ignore);

    try {
      cors.decorate(request, headers);
      const hosts = request.headersDistinct['host']?.length ?? 0;
      if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0')) {
        // A client that sends such a request may disagree with us on where its next request begins.
        return await replyFailure(exchange, hostMissing, { connection: 'close' });
      }
      const framing = refuseFraming(request);
      if (framing !== undefined) return await replyFailure(exchange, framing, { connection: 'close' });
      const foreign = options.ownHostsOnly
        ? refuseForeign(request.headers.host, request.headers.origin)
        : undefined;
      if (foreign !== undefined) return await replyFailure(exchange, foreign);

      const match = matchRoute(routes, request.method ?? '', path);
      if (match.type === 'unknown') {
        notes.path = path.slice(0, 200);
        return await replyFailure(exchange, unknownUrl(request.method ?? '', path, routes));
      }
      if (match.type === 'wrong-method') {
        const allowed = [...match.allowed, 'OPTIONS'];
        if (cors.preflight(request, response, headers, allowed)) return;
        const allow = { allow: allowed.join(', ') };
        if (request.method === 'OPTIONS') {
          response.writeHead(204, { ...headers, ...allow, 'content-length': '0' }).end();
          return;
        }
        const message = `${maskSignatures(path)} takes ${match.allowed.join(', ')}, not ${request.method}.`;
        return await replyFailure(exchange, failure('method_not_allowed', message), allow);
      }

      notes.route = match.route.path;
      options.onRoute?.(match.route);
      exchange.span = options.startSpan?.(match.route, exchange);
      const asked = authenticator.authenticate(match.route.access, request.headersDistinct, query, match.id);
      // A key that is known here costs no turn of the event loop.
      const principal = asked instanceof Promise ? await asked : asked;
      if (!principal.ok) return await replyFailure(exchange, principal.failure);
      exchange.id = match.id;
      exchange.principal = principal.value;
      const { session } = principal.value;
      if (session?.cookie !== undefined) headers['set-cookie'] = session.cookie;
      const unread = refuseQuery(match.route, query);
      if (unread !== undefined) return await replyFailure(exchange, unread);
      await match.route.handle(exchange);
    } catch (error) {
      await answerBug(exchange, error);
    } finally {
      // Both have to be over: the route has noted what it knows, and the socket has sent the answer or has died.
      if (!response.closed) await closeOf(response);
      options.onDone(exchange);
    }
  };
}

/** A bug is answered like any failure while no head has left; after it only a reset shows that the answer is torn. */
async function answerBug(exchange: Exchange, error: unknown): Promise<void> {
  const reason = bugFailure(error);
  exchange.notes.code = reason.code;
  exchange.notes.outcome = 'failed';
  Object.assign(exchange.notes, causeOf(reason));
  const { response } = exchange;
  if (response.headersSent) {
    response.socket?.resetAndDestroy();
    return;
  }
  try {
    await replyFailure(exchange, reason);
  } catch {
    // The bug may be in the surface's envelope.
    await replyFailure({ ...exchange, errorReply }, reason);
  }
}

function splitUrl(url: string): [path: string, query: string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}
