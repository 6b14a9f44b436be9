import type { FinishReason } from '@tailrace/protocol';
import type { Feature } from '../../domain/requirements.ts';

/** What one OpenAI-compatible server or provider honours, and how it deviates. Data; `presets.ts` has the rows. */
export interface Preset {
  /** Public address with version; absent for what everybody runs for themselves. */
  readonly baseUrl?: string;
  readonly auth: 'bearer' | 'api-key';
  /** `deployments`: the model's name is part of the path, with `?api-version=` (Azure). */
  readonly path: 'plain' | 'deployments';
  /** All it honours; a feature that is missing here is a statement. */
  readonly features: readonly Feature[];
  /** The most it takes of a number that this API lets be larger; what is absent goes as far as the API does. */
  readonly most?: { readonly temperature?: number; readonly topLogprobs?: number };
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  readonly seedField: 'seed' | 'random_seed';
  /** `none`: it refuses the field, or reports usage without it. */
  readonly streamOptions: 'usage' | 'usage-without-padding' | 'none';
  /** What it calls the `developer` role. */
  readonly developerRole: 'developer' | 'system';
  /** Fields that only advise and that it refuses; they are left out. */
  readonly refusedAdvice: readonly string[];
  /** `messages[].name`. */
  readonly messageName: 'taken' | 'refused';
  /** Finish reasons of its own, beside the common ones. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** What it wants back of an answer on the next turn. */
  readonly wantsBack: readonly WantedBack[];
  /**
   * How it is asked to go on behind a given beginning of the answer. Absent: nobody has checked, and it is asked
   * only by the operator's word (`takeover: prefix`), by a last message of the assistant's. `never`: it cannot.
   */
  readonly prefill?: Prefill | 'never';
  /** Where it tells how busy it is. */
  readonly load?: LoadSignal;
}

/**
 * `reasoning`: the `reasoning_content` of its earlier turns. `reasoning_details`: its list of that name.
 * `extra_content`: the field as it came (thought signatures).
 */
export type WantedBack = 'reasoning' | 'reasoning_details' | 'extra_content';

export interface Prefill {
  /** Added to the request. */
  readonly request: Readonly<Record<string, boolean>>;
  /** Added to the assistant message that holds the beginning. */
  readonly message: Readonly<Record<string, boolean>>;
  /** Whether the answer says the beginning once more. */
  readonly echo: boolean;
  /** Instead of the usual path, where the base URL is the public one. */
  readonly path?: string;
}

/** A last message of the assistant's is what most servers that can do it at all go on with. */
const plainPrefill: Prefill = { request: {}, message: {}, echo: false };

export function prefillOf({ prefill }: Preset): Prefill {
  return prefill === undefined || prefill === 'never' ? plainPrefill : prefill;
}

export interface LoadSignal {
  /** From the root of the origin. */
  readonly path: string;
  /** Prometheus gauges: how many wait, how many run. */
  readonly waiting?: string;
  readonly running?: string;
  /** It tells in the header `endpoint-load-metrics` of each answer too, where it is asked to. */
  readonly inAnswers?: true;
}
