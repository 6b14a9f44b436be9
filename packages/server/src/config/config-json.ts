import type {
  Config,
  ListenAddress,
  ModelConfig,
  TargetConfig,
  TimeoutsConfig,
  TracesConfig,
  UpstreamConfig,
} from './config.ts';
import { engineUpstream } from './names.ts';
import { priceJson } from './price-json.ts';
import type { RawConfig, RawModel, RawUpstream } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

/** What stands in the place of values that may be secret. */
export interface ConfigMask {
  /** A key, a secret, or the value of a header. */
  secret(text: string): string;
  /** A URL; only parts of it may be secret. */
  url(text: string): string;
  /** A URL that is secret as a whole, but for its host. */
  address(text: string): string;
}

/** An object with each key of `T`: a key that the schema gains is missing here, and the compiler says so. */
type Shown<T> = { readonly [Key in keyof T]-?: unknown };
type RawEngineModel = NonNullable<RawConfig['engine']['models']>[string];

/**
 * The configuration with the keys and the forms of its file, defaults filled in and paths absolute; what has no value is
 * undefined. With a mask that changes nothing it is, as JSON, a file that loads to the same configuration.
 */
export function configJson(config: Config, mask: ConfigMask): Shown<RawConfig> {
  const { server, engine, retry, stream, breaker, limits, storage, usage, auth } = config;
  return {
    server: {
      listen: listenText(server.listen),
      data_dir: server.dataDir,
      public_url: ifSet(server.publicUrl, mask.url),
      workers: server.workers,
      max_streams: server.maxStreams,
      max_body: formatSize(server.maxBodyBytes),
      cors_origins: server.corsOrigins,
      shed: {
        memory: server.shed.memory === 'off' ? 'off' : `${Math.round(server.shed.memory * 100)}%`,
        loop_delay: server.shed.loopDelayMs === 'off' ? 'off' : formatDuration(server.shed.loopDelayMs),
      } satisfies Shown<RawConfig['server']['shed']>,
    } satisfies Shown<RawConfig['server']>,
    engine: {
      enabled: engine.enabled,
      models: engine.models.size === 0 ? undefined : engineModels(config),
      threads: engine.threads,
      queue: engine.queue,
      flash_attention: engine.flashAttention,
    } satisfies Shown<RawConfig['engine']>,
    upstreams: Object.fromEntries(
      Array.from(config.upstreams, ([name, upstream]) => [name, upstreamJson(upstream, mask)]),
    ),
    models: Object.fromEntries(Array.from(config.models, ([id, model]) => [id, modelJson(model)])),
    limits: {
      max_streams: limits.maxStreams,
      requests_per_minute: limits.requestsPerMinute,
      tokens_per_minute: limits.tokensPerMinute,
      on_store_failure: limits.onStoreFailure,
      replicas: limits.replicas,
    } satisfies Shown<RawConfig['limits']>,
    timeouts: timeoutsJson(config.timeouts),
    retry: {
      per_target: retry.perTarget,
      total: retry.total,
      backoff: formatDuration(retry.backoffMs),
      honour_retry_after: formatDuration(retry.honourRetryAfterMs),
    } satisfies Shown<RawConfig['retry']>,
    stream: {
      keepalive: stream.keepalive,
      keepalive_after: formatDuration(stream.keepaliveAfterMs),
      hold_head: formatDuration(stream.holdHeadMs),
      usage_chunk: stream.usageChunk,
      grace: formatDuration(stream.graceMs),
      retention: formatDuration(stream.retentionMs),
      journal: {
        per_stream: formatSize(stream.journal.perStreamBytes),
        total: formatSize(stream.journal.totalBytes),
      },
      max_event: formatSize(stream.maxEventBytes),
    } satisfies Shown<RawConfig['stream']>,
    breaker: {
      failures: breaker.failures,
      window: formatDuration(breaker.windowMs),
      probe_every: formatDuration(breaker.probeEveryMs),
    } satisfies Shown<RawConfig['breaker']>,
    logging: {
      level: config.logging.level,
      format: config.logging.format,
      content: config.logging.content,
      content_retention: formatDuration(config.logging.contentRetentionMs),
    } satisfies Shown<RawConfig['logging']>,
    telemetry: {
      metrics: config.telemetry.metrics,
      traces: config.telemetry.traces === undefined ? undefined : tracesJson(config.telemetry.traces, mask),
    } satisfies Shown<RawConfig['telemetry']>,
    storage: {
      database_url: ifSet(storage.databaseUrl, mask.url),
      redis_url: ifSet(storage.redisUrl, mask.url),
      retention: formatDuration(storage.retentionMs),
      spool: formatSize(storage.spoolBytes),
      prices_file: storage.pricesFile,
    } satisfies Shown<RawConfig['storage']>,
    usage: {
      webhook:
        usage.webhook === undefined
          ? undefined
          : { url: mask.address(usage.webhook.url), secret: mask.secret(usage.webhook.secret) },
    } satisfies Shown<RawConfig['usage']>,
    console: {
      enabled: config.console.enabled,
      fault_lab: config.console.faultLab,
    } satisfies Shown<RawConfig['console']>,
    auth: {
      api_keys: auth.apiKeys.map(mask.secret),
      admin_keys: auth.adminKeys.map(mask.secret),
      key_prefix: auth.keyPrefix,
      required: auth.required,
      oidc:
        auth.oidc === undefined
          ? undefined
          : ({
              issuer: auth.oidc.issuer,
              client_id: auth.oidc.clientId,
              client_secret: mask.secret(auth.oidc.clientSecret),
              admins: auth.oidc.admins,
            } satisfies Shown<NonNullable<RawConfig['auth']['oidc']>>),
    } satisfies Shown<RawConfig['auth']>,
  };
}

function engineModels({ engine }: Config): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Array.from(engine.models, ([id, { file, sequences, context, public: isPublic, defaults }]) => [
      id,
      {
        file,
        sequences,
        context,
        public: isPublic,
        defaults:
          defaults === undefined
            ? undefined
            : ({
                temperature: defaults.temperature,
                top_p: defaults.topP,
                top_k: defaults.topK,
                min_p: defaults.minP,
                presence_penalty: defaults.presencePenalty,
                frequency_penalty: defaults.frequencyPenalty,
              } satisfies Shown<NonNullable<RawEngineModel['defaults']>>),
      } satisfies Shown<RawEngineModel>,
    ]),
  );
}

function tracesJson(
  { endpoint, sample, headers, baggage }: TracesConfig,
  mask: ConfigMask,
): Shown<NonNullable<RawConfig['telemetry']['traces']>> {
  return { endpoint: mask.url(endpoint), sample, headers: headersJson(headers, mask), baggage };
}

function headersJson(headers: Readonly<Record<string, string>>, mask: ConfigMask): object {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, mask.secret(value)]));
}

function upstreamJson(upstream: UpstreamConfig, mask: ConfigMask): Shown<RawUpstream> {
  return {
    kind: upstream.kind,
    preset: upstream.preset,
    base_url: ifSet(upstream.baseUrl, mask.url),
    api_key: upstream.apiKeys?.map(mask.secret),
    headers: headersJson(upstream.headers, mask),
    ca_file: upstream.caFile,
    proxy: ifSet(upstream.proxy, mask.url),
    script: upstream.script,
  };
}

function modelJson(model: ModelConfig): Shown<RawModel> {
  return {
    aliases: model.aliases,
    targets: model.targets.map(targetJson),
    balance: model.balance,
    fallbacks: model.fallbacks,
    price: model.price === undefined ? undefined : priceJson(model.price),
    context: model.context,
    timeouts: timeoutsJson(model.timeouts),
    logging: { content: model.keepContent } satisfies Shown<RawModel['logging']>,
  };
}

function targetJson({
  upstream,
  model,
  priority,
  weight,
  takeover,
}: TargetConfig): Shown<RawModel['targets'][number]> {
  const isEngine = upstream === engineUpstream;
  return {
    upstream: isEngine ? undefined : upstream,
    engine: isEngine ? model : undefined,
    model: isEngine ? undefined : model,
    priority,
    weight,
    takeover,
  };
}

function timeoutsJson(timeouts: Partial<TimeoutsConfig>): Shown<RawConfig['timeouts']> {
  return {
    connect: ifSet(timeouts.connectMs, formatDuration),
    first_token: ifSet(timeouts.firstTokenMs, formatDuration),
    stall: ifSet(timeouts.stallMs, formatDuration),
    total: ifSet(timeouts.totalMs, formatDuration),
    hedge_after: ifSet(timeouts.hedgeAfterMs, formatDuration),
    client_write: ifSet(timeouts.clientWriteMs, formatDuration),
    drain: ifSet(timeouts.drainMs, formatDuration),
  };
}

function listenText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function ifSet<T, Form>(value: T | undefined, form: (value: T) => Form): Form | undefined {
  return value === undefined ? undefined : form(value);
}
