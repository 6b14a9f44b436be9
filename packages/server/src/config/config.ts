import type { PresetName } from '../upstreams/openai/presets.ts';

/**
 * The configuration once it has been read, validated whole and frozen. `load-config.ts` makes it; every
 * other room takes the part it needs as an argument and never reads a file or the environment.
 * Durations are milliseconds, sizes bytes, paths absolute.
 *
 * What routing may rely on:
 * - `models` holds every public id. Public engine models that the file gives no entry of their own have one
 *   too, with the single target `{upstream: 'engine', model: <id>}`.
 * - Where there is any model, exactly one is called `default`: by its id, or in its `aliases`.
 * - Ids and aliases are unique taken together. `fallbacks` are ids (never aliases) of `models`, each once,
 *   never the model itself, and no chain of them leads in a circle.
 * - Every target's `upstream` is a key of `upstreams`, or `engine`, and then its `model` is a key of
 *   `engine.models`. Targets may be empty: their engine was switched off; answer `no_healthy_upstream`.
 * - The engine is started exactly where `engine.models` is not empty; with `enabled: false` it is.
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
  readonly telemetry: { readonly metrics: 'auto' | 'public' | 'admin' };
  readonly storage: {
    readonly databaseUrl?: string;
    readonly redisUrl?: string;
    readonly retentionMs: number;
  };
  readonly auth: AuthConfig;
  /** The file it came from, for messages; absent where there was none. */
  readonly file?: string;
}

export interface ServerConfig {
  readonly listen: ListenAddress;
  readonly dataDir: string;
  /** Where downloaded models lie. */
  readonly cacheDir: string;
  readonly publicUrl?: string;
  readonly workers: number;
  readonly maxStreams: number;
  readonly maxBodyBytes: number;
  readonly corsOrigins: readonly string[];
}

export interface ListenAddress {
  /** Without brackets, `::1`. */
  readonly host: string;
  readonly port: number;
  /** True for 127.0.0.0/8, ::1 and localhost. */
  readonly loopback: boolean;
}

export interface EngineConfig {
  /** What the operator said; whether there is anything to start, `models` tells. */
  readonly enabled: boolean;
  /** Engine model ids → file. The default model has no file here: the model room finds or fetches it. */
  readonly models: ReadonlyMap<string, EngineModelConfig>;
  /** Absent: as many as the machine really has, less one, never less than one. */
  readonly threads?: number;
  /** Requests that may wait beyond the sequences. */
  readonly queue: number;
  /** On CPUs; GPUs have it wherever they can. What a seed repeats with it depends on how the prompt was cut. */
  readonly flashAttention: boolean;
}

export interface EngineModelConfig {
  readonly file?: string;
  /** Requests that run at the same time. */
  readonly sequences: number;
  /** Tokens a sequence; `max` takes what memory allows. Absent: the engine's default for the model. */
  readonly context?: number | 'max';
  readonly public: boolean;
}

export type UpstreamKind = 'openai' | 'anthropic' | 'gemini' | 'scripted';

export interface UpstreamConfig {
  readonly kind: UpstreamKind;
  readonly preset?: PresetName;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caFile?: string;
  readonly proxy?: string;
  /** For kind `scripted`: the file with its answers. */
  readonly script?: string;
}

export interface ModelConfig {
  readonly aliases: readonly string[];
  readonly targets: readonly TargetConfig[];
  readonly balance: 'weight' | 'least_busy';
  readonly fallbacks: readonly string[];
  readonly price?: { readonly input?: number; readonly output?: number; readonly cached?: number };
  readonly context?: number;
  readonly timeouts: Partial<TimeoutsConfig>;
}

export interface TargetConfig {
  /** Name of an upstream, or `engine`. */
  readonly upstream: string;
  /** The model's name there. */
  readonly model: string;
  readonly priority: number;
  readonly weight: number;
  readonly takeover?: 'prefix' | 'replay' | 'none';
}

export interface LimitsConfig {
  readonly maxStreams?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly onStoreFailure: 'deny' | 'share';
}

export interface TimeoutsConfig {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly stallMs: number;
  readonly totalMs: number;
  /** Off where absent. */
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
  readonly maxEventBytes: number;
}

export interface LoggingConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'auto' | 'pretty' | 'json';
  /** True: prompts and answers are logged too. */
  readonly content: boolean;
}

export interface AuthConfig {
  readonly apiKeys: readonly string[];
  readonly adminKeys: readonly string[];
  readonly keyPrefix: string;
  readonly required: boolean;
}
