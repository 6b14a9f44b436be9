import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { createAuthenticator } from './access/authenticator.ts';
import type { Config } from './config/config.ts';
import { type Failure, failure } from './domain/failure.ts';
import { createCors, noCors } from './http/cors.ts';
import type { Exchange } from './http/exchange.ts';
import { createHandler } from './http/handler.ts';
import { adminStreamsRoute } from './http/routes/admin-streams.ts';
import { chatCompletionsRoute } from './http/routes/chat-completions.ts';
import { healthRoutes } from './http/routes/health.ts';
import { modelRoutes } from './http/routes/models.ts';
import { createRunRegistry } from './relay/run-registry.ts';
import { createCatalogue } from './routing/catalogue.ts';
import { createHealth } from './routing/health.ts';
import { createRouter } from './routing/router.ts';
import type { Log } from './telemetry/log.ts';
import { logRequest } from './telemetry/request-log.ts';
import type { Upstream } from './upstreams/contract.ts';

/** What the composition needs from outside; nothing in here opens a socket or a file. */
export interface AppParts {
  readonly config: Config;
  /** The fixed keys in force: configured ones, or those kept in the data folder. */
  readonly keys: { readonly apiKeys: readonly string[]; readonly adminKeys: readonly string[] };
  /** By the name the configuration gives them; the local one as `engine`. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly log: Log;
  /** Configuration and engine loaded. */
  loaded(): boolean;
}

export interface App {
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void>;
  /**
   * Refuses new requests and resolves when the running ones have ended; those that outlast `timeouts.drain`
   * end with `draining`.
   */
  drain(): Promise<void>;
  /** Ends every running request now, with an error event. */
  stopAll(reason: Failure): void;
}

/** The composition of the rooms: the only place where they are built and joined. */
export function createApp({ config, keys, upstreams, log, loaded }: AppParts): App {
  const runs = createRunRegistry(Date.now);
  const catalogue = createCatalogue(config.models, upstreams, config.timeouts);
  const now = () => performance.now();
  const { failures, windowMs, probeEveryMs } = config.breaker;
  const health = createHealth({ failures, windowMs, probeEveryMs }, now);
  const router = createRouter({ catalogue, health, retry: config.retry, random: Math.random, now });
  let isDraining = false;
  const draining = () => isDraining;

  const handle = createHandler({
    routes: [
      chatCompletionsRoute({
        config,
        catalogue,
        router,
        runs,
        draining,
        newCompletionId: () => `chatcmpl-${randomBytes(18).toString('hex')}`,
      }),
      ...modelRoutes(catalogue, Math.floor(Date.now() / 1_000)),
      ...healthRoutes({ draining, loaded }),
      adminStreamsRoute(runs),
    ],
    authenticator: createAuthenticator({ ...config.auth, ...keys }),
    cors: config.auth.required ? createCors(config.server.corsOrigins) : noCors,
    ownHostsOnly: !config.auth.required,
    newRequestId,
    onDone: (exchange) => logExchange(log, exchange, config.logging.content),
  });

  return {
    handle,
    drain: async () => {
      isDraining = true;
      const { drainMs } = config.timeouts;
      const timer = setTimeout(() => runs.stopAll(drainedTooLong(drainMs)), drainMs);
      await runs.idle();
      clearTimeout(timer);
    },
    stopAll: (reason) => {
      isDraining = true;
      runs.stopAll(reason);
    },
  };
}

export function newRequestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}

function drainedTooLong(drainMs: number): Failure {
  return failure(
    'draining',
    `The server shut down; this answer was not done within the ${drainMs} ms it had left.`,
  );
}

function logExchange(log: Log, exchange: Exchange, withContent: boolean): void {
  const { request, response, notes } = exchange;
  const [clientRequestId] = request.headersDistinct['x-request-id'] ?? [];
  logRequest(
    log,
    {
      requestId: exchange.requestId,
      method: request.method ?? '-',
      route: 'unknown',
      outcome: response.writableFinished ? 'completed' : 'abandoned',
      durationMs: performance.now() - exchange.startedMs,
      keyId: exchange.principal.keyId,
      clientRequestId,
      ...(response.headersSent ? { status: response.statusCode } : {}),
      ...notes,
    },
    withContent,
  );
}
