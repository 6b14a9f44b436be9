import { isObject, listIn } from '../../api/json.ts';
import { count, money } from '../../elements/format.ts';

/** Decimal texts: US dollars for a million tokens, `request` for one request. */
export interface Price {
  readonly input?: string;
  readonly output?: string;
  readonly cached?: string;
  readonly cache_write?: string;
  readonly request?: string;
  readonly above?: readonly { readonly tokens: number }[];
  readonly source?: { readonly file: string | null; readonly key: string };
}

/** One destination of a model's requests, with its health. */
export interface Target {
  /** `upstream/model`. */
  readonly id: string;
  readonly priority: number;
  readonly weight: number;
  readonly takeover: 'prefix' | 'replay' | 'none' | null;
  readonly price: Price | null;
  readonly capabilities: readonly string[];
  /** What the configuration says of a model of the local engine. */
  readonly engine: { readonly file: string | null; readonly sequences: number } | null;
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** RFC 3339: when an open breaker admits the next request. */
  readonly probe_at: string | null;
  readonly in_flight: number;
  readonly recent_failures: number;
}

export interface AdministeredModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly context_length: number | null;
  readonly balance: 'weight' | 'least_busy';
  readonly fallbacks: readonly string[];
  readonly healthy: boolean;
  readonly targets: readonly Target[];
}

/** The entries of `GET /admin/v1/models` that have targets; the rest of their form is the contract's. */
export function modelsIn(body: unknown): AdministeredModel[] {
  const data = listIn(body);
  return data.filter(
    (entry): entry is AdministeredModel =>
      isObject(entry) && typeof entry['id'] === 'string' && Array.isArray(entry['targets']),
  );
}

/** `healthy`; `probing` while one request tries; `open` until a time, or until the next request. */
export function healthWords({ breaker, probe_at: probeAt }: Target, nowMs: number): string {
  if (breaker === 'closed') return 'healthy';
  if (breaker === 'half-open') return 'breaker half-open, a request probes it';
  const waitMs = probeAt === null ? 0 : Date.parse(probeAt) - nowMs;
  return waitMs > 0
    ? `breaker open, probed in ${Math.ceil(waitMs / 1_000)} s`
    : 'breaker open, the next request probes it';
}

/** `$0.15 in · $0.60 out`; undefined without a price. */
export function priceWords(price: Price | null): string | undefined {
  if (price === null) return undefined;
  const parts: [string | undefined, string][] = [
    [price.input, 'in'],
    [price.output, 'out'],
    [price.cached, 'cached'],
    [price.cache_write, 'cache write'],
    [price.request, 'a request'],
  ];
  const words = parts.flatMap(([amount, what]) =>
    amount === undefined ? [] : [`${money(Number(amount) * 1_000_000)} ${what}`],
  );
  const steps = price.above?.map(({ tokens }) => `other above ${count(tokens)} tokens`) ?? [];
  return [...words, ...steps].join(' · ');
}

/** The price of all targets together, where they have the same. */
export function commonPriceOf(targets: readonly Target[]): Price | null | undefined {
  const [first] = targets;
  if (first === undefined) return undefined;
  return targets.every(({ price }) => priceWords(price) === priceWords(first.price))
    ? first.price
    : undefined;
}

/** The features that tell one target from another, in words. Others (temperature, seed …) nearly all targets honour. */
const featureNames: readonly (readonly [string, string])[] = [
  ['tools', 'tools'],
  ['json_schema', 'structured output'],
  ['json_object', 'JSON'],
  ['image_input', 'images'],
  ['audio_input', 'audio'],
  ['file_input', 'files'],
  ['audio_output', 'speech'],
  ['web_search', 'web search'],
  ['logprobs', 'logprobs'],
];

export function featureWords(capabilities: readonly string[]): string[] {
  return featureNames.flatMap(([feature, words]) => (capabilities.includes(feature) ? [words] : []));
}

/** How many targets there are, and how many of them get no requests now. */
export function targetCounts(models: readonly AdministeredModel[]): {
  readonly targets: number;
  readonly unhealthy: number;
} {
  const targets = [...new Map(models.flatMap((one) => one.targets).map((one) => [one.id, one])).values()];
  return { targets: targets.length, unhealthy: targets.filter(({ breaker }) => breaker !== 'closed').length };
}
