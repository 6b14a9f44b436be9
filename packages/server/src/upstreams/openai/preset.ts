import type { FinishReason } from '@tailrace/protocol';
import type { Feature } from '../../domain/requirements.ts';

/** What one OpenAI-compatible server or provider honours, and how it differs from OpenAI. `presets.ts` has the rows. */
export interface Preset {
  /** The public base URL, with the version. Absent for servers that operators run themselves. */
  readonly baseUrl?: string;
  /** Its name among the well-known values of `gen_ai.provider.name`. Absent: that of the preset. */
  readonly genAi?: string;
  readonly auth: 'bearer' | 'api-key';
  /** `deployments`: the model's name is part of the path, with `?api-version=` (Azure). */
  readonly path: 'plain' | 'deployments';
  /** All features that it honours. A feature that is not listed here is not honoured. */
  readonly features: readonly Feature[];
  /** The largest accepted values, where they are smaller than what the decoder accepts. */
  readonly most?: Bounds;
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  readonly seedField: 'seed' | 'random_seed';
  /** `none`: the field is not sent, because it is refused, or usage is reported without it. */
  readonly streamOptions: 'usage' | 'usage-without-padding' | 'none';
  /** The name of the `developer` role. */
  readonly developerRole: 'developer' | 'system';
  /** Advisory fields that the provider refuses. They are left out of requests. */
  readonly refusedAdvice: readonly string[];
  /** Whether it accepts `messages[].name`. */
  readonly messageName: 'taken' | 'refused';
  /** Its finish reasons besides the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** The parts of an answer that the next turn must send back. */
  readonly wantsBack: readonly WantedBack[];
  /**
   * How it is asked to continue a given beginning of an answer. Absent: not checked; then it is asked only where the
   * operator configures `takeover: prefix`, with the beginning as the last message. `never`: it cannot continue one.
   */
  readonly prefill?: Prefill | 'never';
  /** Where the server reports its load. Absent: it does not. */
  readonly load?: LoadSignal;
}

/** The largest values that a provider accepts; more is an error there. */
export interface Bounds {
  readonly temperature?: number;
  readonly topLogprobs?: number;
  /** Strings in `stop`. */
  readonly stops?: number;
  /** Functions in `tools`. */
  readonly tools?: number;
  /** Characters in the name of a function and of a schema. */
  readonly nameLength?: number;
}

/**
 * `reasoning`: the `reasoning_content` of earlier turns. `reasoning_details`: the list of that name. `extra_content`: the
 * unchanged field of that name (signatures of thoughts).
 */
export type WantedBack = 'reasoning' | 'reasoning_details' | 'extra_content';

export interface Prefill {
  /** Added to the request. */
  readonly request: Readonly<Record<string, boolean>>;
  /** Added to the assistant message that holds the beginning. */
  readonly message: Readonly<Record<string, boolean>>;
  /** Whether the answer repeats the beginning. */
  readonly echo: boolean;
  /** Replaces the usual path where the base URL is the public one. */
  readonly path?: string;
}

/** The beginning as the last message, from the assistant: most servers that can continue an answer accept this. */
const plainPrefill: Prefill = { request: {}, message: {}, echo: false };

export function prefillOf({ prefill }: Preset): Prefill {
  return prefill === undefined || prefill === 'never' ? plainPrefill : prefill;
}

/** The features that an upstream honours: a beginning too where it declares how, or takes fields that only it knows. */
export function featuresOf({ features, prefill }: Preset): readonly Feature[] {
  const continues = prefill === undefined ? features.includes('unknown_fields') : prefill !== 'never';
  return continues ? [...features, 'continued_answer'] : features;
}

export interface LoadSignal {
  /** Path of the page with the gauges, from the root of the origin. */
  readonly path: string;
  /** Names of the Prometheus gauges of waiting and of running requests. */
  readonly waiting?: string;
  readonly running?: string;
  /** Whether the header `endpoint-load-metrics` of each answer reports the load too, where a request asks for it. */
  readonly inAnswers?: true;
}
