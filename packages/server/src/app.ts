import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createKeyAdministration } from './access/administration/key-administration.ts';
import { createAuthenticator } from './access/authenticator.ts';
import { createFixedKeys } from './access/fixed-keys.ts';
import { createIdentityProvider } from './access/oidc/identity-provider.ts';
import { createOidcAdmins } from './access/oidc/oidc-admins.ts';
import { createSignInAttempts } from './access/oidc/sign-in-attempts.ts';
import { createSessions } from './access/sessions.ts';
import type { SignIns } from './access/sign-ins.ts';
import type { StoredKeys } from './access/stored-keys.ts';
import { createStreamSignature } from './access/stream-signature.ts';
import type { Config } from './config/config.ts';
import { pageRoutes } from './console/page-routes.ts';
import { type BuiltDocs, createBuiltDocs } from './docs/built-docs.ts';
import { docsRoutes } from './docs/docs-routes.ts';
import { createPassageFinder } from './docs/passage-finder.ts';
import type { FaultLab } from './fault-lab/fault-lab.ts';
import { faultLabRoutes } from './fault-lab/fault-lab-routes.ts';
import { hasFaultLab } from './fault-lab/has-fault-lab.ts';
import { isLabModel } from './fault-lab/lab-prefix.ts';
import { type BuiltFiles, createBuiltFiles, usualFolders } from './http/built-files.ts';
import { cancelCompletion } from './http/cancel-completion.ts';
import { createCors, noCors } from './http/cors.ts';
import { countRequests } from './http/count-requests.ts';
import type { Exchange } from './http/exchange.ts';
import { createHandler } from './http/handler.ts';
import type { LoadShed } from './http/load-shed.ts';
import { createOwnView } from './http/own-view.ts';
import type { Places } from './http/places.ts';
import type { BodyIntake } from './http/read-json.ts';
import { endRequestSpan, startRequestSpan, traceIdsOf } from './http/request-span.ts';
import type { Route } from './http/route.ts';
import { adminConfigRoute } from './http/routes/admin-config.ts';
import { adminContentRoute } from './http/routes/admin-content.ts';
import { adminKeyRoutes } from './http/routes/admin-keys.ts';
import { adminModelsRoute } from './http/routes/admin-models.ts';
import { adminReloadRoute, type Reloaded } from './http/routes/admin-reload.ts';
import { adminSeriesRoute } from './http/routes/admin-series.ts';
import { adminStreamsRoute } from './http/routes/admin-streams.ts';
import { adminUpstreamsRoute } from './http/routes/admin-upstreams.ts';
import { adminWebhookRoute } from './http/routes/admin-webhook.ts';
import { adminCancelRoute, cancelRoute } from './http/routes/cancel.ts';
import { completionRoute, type DetachedRun } from './http/routes/completions.ts';
import { durableStreamRoutes } from './http/routes/durable-streams.ts';
import { healthRoutes } from './http/routes/health.ts';
import { keptEventsRoute } from './http/routes/kept-events.ts';
import { metricsRoute } from './http/routes/metrics.ts';
import { modelRoutes } from './http/routes/models.ts';
import { oidcRoutes, signInWaysRoute } from './http/routes/oidc.ts';
import { openApiRoute } from './http/routes/openapi.ts';
import { sessionRoutes } from './http/routes/session.ts';
import { usageRoutes } from './http/routes/usage.ts';
import type { ServiceView } from './http/service-view.ts';
import { createStreamUrls } from './http/stream-url.ts';
import { withRateLimits } from './http/with-rate-limits.ts';
import type { Journal } from './journal/contract.ts';
import type { Ledger } from './ledger/contract.ts';
import type { LikelyCompletion } from './metering/likely-completion.ts';
import { createMeter } from './metering/meter.ts';
import type { OpenRecord } from './metering/open-record.ts';
import { createPrices } from './metering/prices.ts';
import { createContentKeeper, showsWording } from './metering/request-content.ts';
import { createUsageReport } from './metering/usage-report/usage-report.ts';
import type { Peers } from './peers/contract.ts';
import type { RunRegistry } from './relay/run-registry.ts';
import type { Affinity } from './routing/affinity.ts';
import { createCatalogue } from './routing/catalogue.ts';
import type { Health } from './routing/health.ts';
import { createRouter } from './routing/router.ts';
import type { Instruments, Reading } from './telemetry/contract.ts';
import type { Log } from './telemetry/log.ts';
import { joinReadings, noReading } from './telemetry/metrics/whole-reading.ts';
import { logRequest, logRun, type RequestRecord } from './telemetry/request-log.ts';
import type { SeriesReader } from './telemetry/series/series.ts';
import type { Tracing } from './telemetry/traces/contract.ts';
import { timers as systemTimers, type TimerQueue } from './timers/timer-queue.ts';
import type { Upstream } from './upstreams/contract.ts';
import { createChatSurface } from './wire/chat/surface.ts';
import type { Surface } from './wire/contract.ts';
import { randomId } from './wire/random-id.ts';

/** The parts that the rooms of one configuration are joined with. `createApp` opens no socket and no file. */
export interface AppParts {
  readonly config: Config;
  /** The fixed keys in force: configured ones, or those of the data folder. */
  readonly keys: { readonly apiKeys: readonly string[]; readonly adminKeys: readonly string[] };
  /** The keys of the store. They outlive a reload. */
  readonly storedKeys: StoredKeys;
  /** The sign-ins of browsers. They outlive a reload. */
  readonly signIns: SignIns;
  /** Decides limits and keeps the records. It outlives a reload. */
  readonly ledger: Ledger;
  /** The records of the running requests, and how long answers were. They outlive a reload. */
  readonly openRecords: Set<OpenRecord>;
  readonly likely: LikelyCompletion;
  /** By their names in the configuration; the local engine as `engine`. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly log: Log;
  /** The streams that outlive their connections. It outlives a reload. */
  readonly journal: Journal;
  /** The runs that have not ended. It outlives a reload. */
  readonly runs: RunRegistry;
  /** The other processes of the service. They outlive a reload. */
  readonly peers: Pick<Peers, 'cancel'>;
  /** The runs and targets of all processes of the service. Default: this is the only one. */
  readonly view?: ServiceView | undefined;
  /** What all processes of the service have counted. Default: this is the only one. */
  readonly metrics?: (() => Promise<Reading>) | undefined;
  /** What this process counts. It outlives a reload. */
  readonly instruments: Instruments;
  /** The time series of all processes of the service. They outlive a reload. */
  readonly series: SeriesReader;
  /** The places for runs. Default: `server.max_streams`, all for this process. */
  readonly places?: Places | undefined;
  /** The health of every target. It outlives a reload. */
  readonly health: Health;
  /** Which targets have served which chats. It outlives a reload. */
  readonly affinity: Affinity;
  /** The memory that bodies and requests hold. It outlives a reload. */
  readonly bodies: BodyIntake;
  /** Refuses completions that this process has no room for. It outlives a reload. */
  readonly shed: LoadShed;
  /** The built page. Default: where the package or the launcher has put it. */
  readonly page?: BuiltFiles | undefined;
  /** The built docs. Default: as the page. */
  readonly docs?: BuiltDocs | undefined;
  /** The models that misbehave, where the configuration allows them. It outlives a reload. Default: there are none. */
  readonly faultLab?: FaultLab | undefined;
  /** Collects spans. It outlives a reload. Absent: requests are not traced. */
  readonly tracing?: Tracing | undefined;
  /** The protocols that are served. Default: OpenAI's chat completions. */
  readonly surfaces?: readonly Surface[];
  /** The deadlines and waits of all requests, with their monotonic clock. Default: those of this process. */
  readonly timers?: TimerQueue;
  /** Whether the models of the engine are loaded. True where there is no engine. */
  loaded(): boolean;
  /** Whether a shutdown has begun. */
  draining(): boolean;
  /** Reloads the configuration. */
  reload(): Promise<Reloaded>;
}

export type HandleRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
) => Promise<void>;

/** Handles requests by the rooms of one configuration. */
export interface App extends HandleRequest {
  /** The route table. */
  readonly routes: readonly Route[];
}

/** Builds the rooms that one configuration needs and joins them: from a request to its answer. A reload calls it again. */
export function createApp(parts: AppParts): App {
  const {
    config,
    keys,
    storedKeys,
    ledger,
    upstreams,
    log,
    runs,
    journal,
    health,
    affinity,
    bodies,
    shed,
    draining,
    instruments,
    tracing,
  } = parts;
  const timers = parts.timers ?? systemTimers;
  const view = parts.view ?? createOwnView(runs, health);
  const fixed = createFixedKeys(keys, config.auth.keyPrefix);
  const surfaces = parts.surfaces ?? [createChatSurface(config.stream)];
  const catalogue = createCatalogue(config.models, upstreams, config.timeouts);
  for (const warning of catalogue.takeoverWarnings()) log.warn(warning);
  const router = createRouter({
    catalogue,
    health,
    affinity,
    retry: config.retry,
    random: Math.random,
    timers,
  });
  const lab = hasFaultLab(config) ? parts.faultLab : undefined;
  const prices = createPrices(config.models, lab === undefined ? undefined : isLabModel);
  const metering = { ledger, likely: parts.likely, prices, clock: Date.now };
  const idOf = (model: string) => catalogue.find(model)?.id;
  const labelOf = (model: string) => idOf(model) ?? 'other';
  /** Whether the line of a request shows the words of its upstreams whole. */
  const withWording = (key: boolean | undefined, model = '') =>
    showsWording({
      key,
      model: config.models.get(idOf(model) ?? '')?.keepContent,
      everywhere: config.logging.content,
    });
  const records = { ...metering, open: parts.openRecords, instruments, labelOf };
  const meter = createMeter({ ...metering, records, instruments, now: () => performance.now() });

  const administration = createKeyAdministration({
    ledger: parts.ledger,
    fixed: fixed.list,
    keyPrefix: config.auth.keyPrefix,
    now: Date.now,
  });

  const cancelling = {
    runs,
    peers: parts.peers,
    ledger,
    now: timers.now,
    wait: (ms: number) => delay(ms),
    budget: bodies.budget,
    meter,
  };
  const { publicUrl } = config.server;
  const streamUrls = createStreamUrls({
    signature: createStreamSignature(storedKeys.signingSecret),
    publicUrl,
    retentionMs: config.stream.retentionMs,
  });

  const { oidc } = config.auth;
  const oidcAdmins = createOidcAdmins(oidc);
  const signing = {
    secret: storedKeys.signingSecret,
    newId: () => randomId(16, 'hex'),
    now: Date.now,
  };
  const sessions = createSessions({
    ...signing,
    isAdminKey: (id) => oidcAdmins.has(id) || fixed.list.some((key) => key.admin && key.id === id),
    ended: parts.signIns.ended,
  });
  const signsInByOidc = config.console.enabled && config.auth.required && oidc !== undefined;
  const counted = countRequests({
    instruments,
    paths: surfaces.map(({ path }) => path),
    idOf,
  });
  const routes = [
    ...surfaces.map((surface) =>
      completionRoute(surface, {
        contents: createContentKeeper({ ledger, log }),
        ...{ config, catalogue, router, runs, journal, bodies, shed, meter, timers, draining, instruments },
        places: parts.places ?? placesOf(config),
        unlisted: lab,
        streamUrl: ({ request }, { id, createdAtMs, model }) => {
          const { totalMs } = catalogue.find(model)?.timeouts ?? config.timeouts;
          return streamUrls(request.headers.host, { id, createdAtMs, totalMs });
        },
        onDetachedEnd: (ended) => {
          const { run, outcome, notes } = ended;
          const durationMs = Date.now() - run.createdAtMs;
          counted.runEnded(outcome.status, { ...notes, model: run.model, durationMs });
          logDetached(log, ended, withWording(ended.logContent, run.model));
        },
      }),
    ),
    ...surfaces.map((surface) => cancelRoute(surface, cancelling)),
    ...[
      ...surfaces.map((surface) =>
        keptEventsRoute(surface, journal, { settings: config.stream, timers, instruments }),
      ),
      ...durableStreamRoutes({
        ...{ journal, timers, instruments, settings: config.stream, clock: Date.now, random: Math.random },
        cancel: (order) => cancelCompletion(cancelling, order),
      }),
      ...modelRoutes(config.models, catalogue, Math.floor(Date.now() / 1_000), lab),
      ...(lab === undefined ? [] : faultLabRoutes(lab, ledger)),
      ...usageRoutes(createUsageReport({ reads: ledger, now: Date.now })),
    ].map((route) => withRateLimits(route, meter)),
    ...healthRoutes(parts),
    metricsRoute(config, wholeReading(parts)),
    openApiRoute(),
    ...(config.console.enabled ? pageRoutes(parts.page ?? createBuiltFiles(usualFolders('page'))) : []),
    ...docsRoutes({
      docs: parts.docs ?? createBuiltDocs(usualFolders('docs')),
      find: createPassageFinder(),
      publicUrl,
      keyless: !config.auth.required,
      hasPage: config.console.enabled,
    }),
    adminStreamsRoute(view),
    adminCancelRoute(cancelling),
    adminUpstreamsRoute(view, catalogue, Date.now),
    adminModelsRoute(config, catalogue, view, Date.now),
    adminConfigRoute(config),
    adminWebhookRoute(ledger),
    adminContentRoute(ledger),
    adminSeriesRoute(parts.series, Date.now),
    adminReloadRoute(parts.reload, bodies.budget),
    ...adminKeyRoutes(administration, bodies.budget),
    ...(config.console.enabled
      ? sessionRoutes({
          ...{ sessions, publicUrl, budget: bodies.budget },
          codes: parts.signIns.codes,
          required: config.auth.required,
        }).concat(signInWaysRoute(signsInByOidc))
      : []),
    ...(signsInByOidc
      ? oidcRoutes({
          ...{ sessions, publicUrl, admins: oidcAdmins },
          attempts: createSignInAttempts(signing),
          provider: createIdentityProvider(oidc, { now: Date.now }),
        })
      : []),
  ];

  const handle: HandleRequest = createHandler({
    routes,
    authenticator: createAuthenticator({
      fixed,
      stored: storedKeys,
      keyPrefix: config.auth.keyPrefix,
      required: config.auth.required,
      limits: config.limits,
      browsers: config.console.enabled ? { sessions, publicUrl } : undefined,
      now: Date.now,
    }),
    cors: config.auth.required ? createCors(config.server.corsOrigins) : noCors,
    ownHostsOnly: !config.auth.required,
    clientWriteMs: config.timeouts.clientWriteMs,
    newRequestId,
    onRoute: counted.began,
    ...(tracing === undefined
      ? {}
      : {
          startSpan: (route, exchange) => startRequestSpan(tracing, route, exchange),
        }),
    onDone: (exchange) => {
      const record = recordOf(exchange);
      counted.ended(record);
      endRequestSpan(exchange, record);
      logRequest(log, record, withWording(exchange.principal.logContent, record.model));
    },
  });
  return Object.assign(handle, { routes });
}

/** What the service has counted, with its ledger, whose thread may be away. */
function wholeReading({ instruments, metrics, ledger }: AppParts): () => Promise<Reading> {
  const ofProcesses = metrics ?? (async () => instruments.read());
  return async () => {
    const readings = [ofProcesses(), ledger.reading().catch(() => noReading)];
    return joinReadings(await Promise.all(readings));
  };
}

/** All places of the configuration are those of this process. */
function placesOf({ server }: Config): Places {
  return { limit: () => server.maxStreams, more: async () => {} };
}

export function newRequestId(): string {
  return `req_${randomId(12, 'hex')}`;
}

function logDetached(log: Log, { run, outcome, notes }: DetachedRun, withContent: boolean): void {
  const durationMs = Date.now() - run.createdAtMs;
  const { id, requestId, keyId, model } = run;
  logRun(log, { ...notes, id, requestId, keyId, model, durationMs, outcome: outcome.status }, withContent);
}

function recordOf(exchange: Exchange): RequestRecord {
  const { request, response, notes } = exchange;
  return {
    requestId: exchange.requestId,
    method: request.method ?? '-',
    route: 'unknown',
    outcome: response.writableFinished ? 'completed' : 'abandoned',
    durationMs: performance.now() - exchange.startedMs,
    keyId: exchange.principal.keyId,
    ...(response.headersSent ? { status: response.statusCode } : {}),
    ...traceIdsOf(exchange.span),
    ...notes,
  };
}
