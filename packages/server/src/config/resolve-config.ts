import type { AuthConfig, Config, LimitsConfig, ListenAddress, OidcConfig, TracesConfig } from './config.ts';
import type { ResolveContext } from './resolve-context.ts';
import { type ModelFlag, resolveEngineModels } from './resolve-engine.ts';
import { resolveModels, resolveTimeouts } from './resolve-models.ts';
import { checkHeaderNames, resolveUpstreams } from './resolve-upstreams.ts';
import type { RawConfig } from './schema.ts';
import type { SettingOrigins } from './setting-origins.ts';

/** Where the configuration comes from, and paths that no key of the file sets. */
interface Places {
  readonly cacheDir: string;
  readonly file: string | undefined;
  readonly origins: SettingOrigins;
  readonly modelFlag: ModelFlag | undefined;
}

/** Makes the `Config`, and reports the mistakes that only a comparison of several values shows. */
export function resolveConfig(raw: RawConfig, places: Places, context: ResolveContext): Config {
  const { server, engine, timeouts, retry, stream, breaker, storage } = raw;
  const engineModels = resolveEngineModels(raw, places.modelFlag, context);
  const auth: AuthConfig = {
    apiKeys: [...new Set(raw.auth.api_keys)],
    adminKeys: [...new Set(raw.auth.admin_keys)],
    keyPrefix: raw.auth.key_prefix,
    required: raw.auth.required,
    ...(raw.auth.oidc !== undefined && { oidc: resolveOidc(raw.auth.oidc) }),
  };
  checkAccess(server.listen, auth, context);
  checkOidc(raw, context);
  return {
    server: {
      listen: server.listen,
      dataDir: context.absolute(['server', 'data_dir'], server.data_dir),
      cacheDir: places.cacheDir,
      workers: server.workers,
      maxStreams: server.max_streams,
      maxBodyBytes: server.max_body,
      corsOrigins: server.cors_origins,
      shed: { memory: server.shed.memory, loopDelayMs: server.shed.loop_delay },
      ...(server.public_url !== undefined && { publicUrl: server.public_url }),
    },
    engine: {
      enabled: engine.enabled,
      models: engineModels,
      queue: engine.queue,
      flashAttention: engine.flash_attention,
      ...(engine.threads !== undefined && { threads: engine.threads }),
    },
    upstreams: resolveUpstreams(raw.upstreams, context),
    models: resolveModels(raw, engineModels, places.modelFlag, context),
    limits: resolveLimits(raw.limits),
    timeouts: {
      connectMs: timeouts.connect,
      firstTokenMs: timeouts.first_token,
      stallMs: timeouts.stall,
      totalMs: timeouts.total,
      clientWriteMs: timeouts.client_write,
      drainMs: timeouts.drain,
      ...resolveTimeouts(timeouts),
    },
    retry: {
      perTarget: retry.per_target,
      total: retry.total,
      backoffMs: retry.backoff,
      honourRetryAfterMs: retry.honour_retry_after,
    },
    stream: {
      keepalive: stream.keepalive,
      keepaliveAfterMs: stream.keepalive_after,
      holdHeadMs: stream.hold_head,
      usageChunk: stream.usage_chunk,
      graceMs: stream.grace,
      retentionMs: stream.retention,
      journal: { perStreamBytes: stream.journal.per_stream, totalBytes: stream.journal.total },
      maxEventBytes: stream.max_event,
    },
    breaker: { failures: breaker.failures, windowMs: breaker.window, probeEveryMs: breaker.probe_every },
    logging: {
      level: raw.logging.level,
      format: raw.logging.format,
      content: raw.logging.content,
      contentRetentionMs: raw.logging.content_retention,
    },
    telemetry: {
      metrics: raw.telemetry.metrics,
      ...(raw.telemetry.traces !== undefined && { traces: resolveTraces(raw.telemetry.traces, context) }),
    },
    storage: {
      retentionMs: storage.retention,
      spoolBytes: storage.spool,
      ...(storage.database_url !== undefined && { databaseUrl: storage.database_url }),
      ...(storage.redis_url !== undefined && { redisUrl: storage.redis_url }),
      ...(storage.prices_file !== undefined && {
        pricesFile: context.absolute(['storage', 'prices_file'], storage.prices_file),
      }),
    },
    usage: raw.usage.webhook === undefined ? {} : { webhook: raw.usage.webhook },
    console: { enabled: raw.console.enabled, faultLab: raw.console.fault_lab },
    auth,
    ...(places.file !== undefined && { file: places.file }),
    origins: places.origins,
  };
}

function resolveTraces(
  raw: NonNullable<RawConfig['telemetry']['traces']>,
  context: ResolveContext,
): TracesConfig {
  checkHeaderNames(raw.headers, ['telemetry', 'traces'], context);
  return { endpoint: raw.endpoint, sample: raw.sample, headers: raw.headers, baggage: raw.baggage };
}

function resolveLimits(raw: RawConfig['limits']): LimitsConfig {
  return {
    onStoreFailure: raw.on_store_failure,
    replicas: raw.replicas,
    ...(raw.max_streams !== undefined && { maxStreams: raw.max_streams }),
    ...(raw.requests_per_minute !== undefined && { requestsPerMinute: raw.requests_per_minute }),
    ...(raw.tokens_per_minute !== undefined && { tokensPerMinute: raw.tokens_per_minute }),
  };
}

function resolveOidc(raw: NonNullable<RawConfig['auth']['oidc']>): OidcConfig {
  const { issuer, client_id: clientId, client_secret: clientSecret, admins } = raw;
  return { issuer, clientId, clientSecret, admins: [...new Set(admins)] };
}

/** The provider sends people back to one address of this server, which nobody else may choose. */
function checkOidc({ auth, server, console }: RawConfig, { problems, warnings }: ResolveContext): void {
  if (auth.oidc === undefined) return;
  if (auth.oidc.admins.length === 0)
    problems.report(['auth', 'oidc', 'admins'], 'expected the e-mail address of one person at least');
  if (!server.listen.loopback && server.public_url === undefined && !problems.has(['server', 'public_url']))
    problems.report(
      ['auth', 'oidc'],
      'where server.listen is not a loopback address, server.public_url must say where the provider sends people back to',
    );
  const off = console.enabled ? (auth.required ? undefined : 'auth.required') : 'console.enabled';
  if (off !== undefined) warnings.push(`auth.oidc has no effect, because ${off} is false`);
}

/** Sixteen letters and digits drawn at random are 95 bits. */
const guessableBelow = 16;

/** A server that other machines can reach must have a key, and one that the operator has chosen. */
function checkAccess(listen: ListenAddress, auth: AuthConfig, { problems, warnings }: ResolveContext): void {
  if (auth.apiKeys.some((key) => auth.adminKeys.includes(key))) {
    problems.report(['auth', 'admin_keys'], 'the same key is under auth.api_keys; the two must differ');
  }
  if (listen.loopback) return;
  if (!auth.required) {
    problems.report(
      ['auth', 'required'],
      'false is for loopback only, and server.listen is not a loopback address',
    );
  }
  for (const [setting, keys] of [
    ['auth.api_keys (TAILRACE_API_KEY)', auth.apiKeys],
    ['auth.admin_keys (TAILRACE_ADMIN_KEY)', auth.adminKeys],
  ] as const) {
    if (keys.some((key) => key.length < guessableBelow))
      warnings.push(
        `${setting}: a key of fewer than ${guessableBelow} characters can be guessed, and other machines reach server.listen`,
      );
  }
  if (auth.apiKeys.length === 0 && !problems.has(['auth', 'api_keys'])) {
    problems.report(
      ['server', 'listen'],
      'on anything but loopback a key must be given: set TAILRACE_API_KEY, or auth.api_keys in the file',
    );
  }
}
