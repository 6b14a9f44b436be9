import type { SamplingDefaults } from '../domain/sampling-defaults.ts';
import type { PresetName } from '../upstreams/openai/presets.ts';
import type { SettingOrigins } from './setting-origins.ts';

/**
 * The configuration: read, checked as a whole and frozen. `load-config.ts` makes it; every other room gets the part that
 * it needs as an argument, and never reads a file or the environment. Durations are milliseconds, sizes are bytes, paths
 * are absolute.
 *
 * Invariants, on which routing relies:
 * - `models` has every public id. A public engine model that the file gives no entry has one too, with the single target
 *   `{upstream: 'engine', model: <id>}`.
 * - Where there is any model, exactly one has the name `default`: as its id, or in its `aliases`.
 * - No two ids or aliases are equal. `fallbacks` are ids (never aliases) of `models`, each at most once, never the model
 *   itself, and no chain of fallbacks is a circle.
 * - The `upstream` of a target is a key of `upstreams`, or `engine`; then its `model` is a key of `engine.models`. The
 *   list of targets may be empty, where the engine is switched off; such a model answers `no_healthy_upstream`.
 * - The engine is started if and only if `engine.models` is not empty. With `enabled: false` it is empty.
 */
export interface Config {
  readonly server: ServerConfig;
  readonly engine: EngineConfig;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  /** Public model ids in the order of the file, then those of the engine. */
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
  readonly retry: RetryConfig;
  readonly stream: StreamConfig;
  readonly breaker: { readonly failures: number; readonly windowMs: number; readonly probeEveryMs: number };
  readonly logging: LoggingConfig;
  readonly telemetry: {
    readonly metrics: 'auto' | 'public' | 'admin';
    /** Absent: this server sends no spans itself. */
    readonly traces?: TracesConfig;
  };
  readonly storage: {
    readonly databaseUrl?: string;
    readonly redisUrl?: string;
    readonly retentionMs: number;
    readonly spoolBytes: number;
    /** The catalogue of prices; what it says of a target is in {@link TargetConfig.listed}. */
    readonly pricesFile?: string;
  };
  readonly usage: { readonly webhook?: { readonly url: string; readonly secret: string } };
  readonly console: { readonly enabled: boolean; readonly faultLab: 'auto' | boolean };
  readonly auth: AuthConfig;
  /** The file that was read, for messages; absent where there was none. */
  readonly file?: string;
  /** What sets each setting that has not its default. */
  readonly origins: SettingOrigins;
}

export interface ServerConfig {
  readonly listen: ListenAddress;
  readonly dataDir: string;
  /** The folder of downloaded models. */
  readonly cacheDir: string;
  readonly publicUrl?: string;
  readonly workers: number;
  readonly maxStreams: number;
  readonly maxBodyBytes: number;
  readonly corsOrigins: readonly string[];
  readonly shed: {
    /** From 0 to 1. */
    readonly memory: number | 'off';
    readonly loopDelayMs: number | 'off';
  };
}

export interface ListenAddress {
  /** Without brackets, `::1`. */
  readonly host: string;
  readonly port: number;
  /** True for 127.0.0.0/8, ::1 and localhost. */
  readonly loopback: boolean;
}

export interface EngineConfig {
  /** As the operator has set it. Whether the engine is started depends on `models`. */
  readonly enabled: boolean;
  /** By engine model id. The default model may have no file here: `models/` finds or downloads it. */
  readonly models: ReadonlyMap<string, EngineModelConfig>;
  /** Absent: the cores that this process may use, less one, but at least one. */
  readonly threads?: number;
  /** Requests that may wait while every sequence is in use. */
  readonly queue: number;
  /** On CPUs; GPUs always use it where they can. With it a seed may give another text when the prompt is cut otherwise. */
  readonly flashAttention: boolean;
}

export interface EngineModelConfig {
  readonly file?: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens for each sequence; `max`: as many as memory allows. Absent: the engine's default for the model. */
  readonly context?: number | 'max';
  readonly public: boolean;
  /** How it samples where a request does not say it. Absent fields: as its file says, else OpenAI's defaults. */
  readonly defaults?: SamplingDefaults;
}

export type UpstreamKind = 'openai' | 'anthropic' | 'gemini' | 'scripted';

export interface UpstreamConfig {
  readonly kind: UpstreamKind;
  readonly preset?: PresetName;
  readonly baseUrl?: string;
  /** They take turns. Absent: requests have no key. */
  readonly apiKeys?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly caFile?: string;
  readonly proxy?: string;
  /** For kind `scripted`: the file of its answers. */
  readonly script?: string;
}

export interface ModelConfig {
  readonly aliases: readonly string[];
  readonly targets: readonly TargetConfig[];
  readonly balance: 'weight' | 'least_busy';
  readonly fallbacks: readonly string[];
  /** Absent: each target has the price that the catalogue lists for it, if any. */
  readonly price?: PriceConfig;
  readonly context?: number;
  readonly timeouts: Partial<TimeoutsConfig>;
  /** Whether its prompts and answers are kept. Absent: as `logging.content`. */
  readonly keepContent?: boolean;
}

export interface TargetConfig {
  /** The name of an upstream, or `engine`. */
  readonly upstream: string;
  /** The model's name there. */
  readonly model: string;
  readonly priority: number;
  readonly weight: number;
  readonly takeover?: 'prefix' | 'replay' | 'none';
  /** Where the model has no price of its own, and `storage.prices_file` lists one for this target. */
  readonly listed?: ListedPrice;
  /** Where the model has no price of its own, and `storage.prices_file` lists none for this target. */
  readonly unlisted?: Unlisted;
}

/**
 * Amounts in US dollars for a million tokens, as decimal texts such as `0.15`: they are exact, and stay the same in JSON and
 * in the copy that comes from another thread. An absent `input` or `output` is 0; an absent `cached` or `cacheWrite` is as
 * `input`.
 */
export interface TokenPrices {
  readonly input?: string;
  readonly output?: string;
  /** For prompt tokens that came from a cache. */
  readonly cached?: string;
  /** For prompt tokens that were written to a cache. */
  readonly cacheWrite?: string;
}

/** The price of a model. It has at least one of `input`, `output` and `request`. */
export interface PriceConfig extends TokenPrices {
  /** For each request. */
  readonly request?: string;
  /** For prompts of more than `tokens`, in ascending order of these. An absent amount is that of the price itself. */
  readonly above: readonly (TokenPrices & { readonly tokens: number })[];
}

/** A price out of the catalogue of prices. */
export interface ListedPrice {
  /** The name of its entry there. */
  readonly entry: string;
  readonly price: PriceConfig;
  readonly uncounted: readonly UncountedCost[];
}

/** Why the catalogue of prices has no price for a target. */
export interface Unlisted {
  /** The names that were looked for. */
  readonly tried: readonly string[];
  /** The first of them that has an entry, though one without a cost of tokens or requests. */
  readonly entry?: string;
  /** The costs of that entry. */
  readonly uncounted?: readonly UncountedCost[];
}

/** Costs of an entry that a price here has no place for, so no request is charged for them. */
export interface UncountedCost {
  /** What they are for, such as `audio`. */
  readonly what: string;
  /** Their names in the entry. */
  readonly fields: readonly string[];
}

export interface LimitsConfig {
  readonly maxStreams?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly onStoreFailure: 'deny' | 'share';
  readonly replicas: number;
}

export interface TimeoutsConfig {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly stallMs: number;
  readonly totalMs: number;
  /** Absent: no hedging. */
  readonly hedgeAfterMs?: number;
  readonly clientWriteMs: number;
  readonly drainMs: number;
}

export interface RetryConfig {
  readonly perTarget: number;
  readonly total: number;
  readonly backoffMs: number;
  readonly honourRetryAfterMs: number;
}

export interface StreamConfig {
  readonly keepalive: 'comment' | 'chunk' | 'off';
  readonly keepaliveAfterMs: number;
  readonly holdHeadMs: number;
  readonly usageChunk: 'inline' | 'separate';
  readonly graceMs: number;
  /** How long an ended resumable stream can be read. */
  readonly retentionMs: number;
  readonly journal: { readonly perStreamBytes: number; readonly totalBytes: number };
  readonly maxEventBytes: number;
}

export interface LoggingConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'auto' | 'pretty' | 'json';
  /** Whether prompts and answers are kept where neither the key nor the model says otherwise. */
  readonly content: boolean;
  readonly contentRetentionMs: number;
}

/** How spans are collected. */
export interface TracesConfig {
  readonly endpoint: string;
  /** From 0 to 1. */
  readonly sample: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly baggage: readonly string[];
}

export interface AuthConfig {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  readonly keyPrefix: string;
  readonly required: boolean;
  /** Absent: nobody signs in by a provider. */
  readonly oidc?: OidcConfig;
}

/** The OpenID Connect provider by which people sign in to the console. */
export interface OidcConfig {
  /** `https:`, or `http:` on loopback; as the provider spells it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** E-mail addresses, ASCII, at least one. */
  readonly admins: readonly string[];
}
