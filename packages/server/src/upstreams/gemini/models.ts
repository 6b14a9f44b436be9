import type { Capabilities, Feature } from '../../domain/requirements.ts';

/**
 * What a Gemini model accepts, by its generation. Sources: ai.google.dev/gemini-api/docs/{thinking, thought-signatures,
 * structured-output, openai} and the refusals quoted at the fields, read in November 2026.
 */
export interface GeminiModel {
  readonly contextTokens?: number;
  /** How thinking is requested: not at all, by a budget in tokens (2.5), or by level (3 and later). */
  readonly thinking: 'none' | 'budget' | 'level';
  /** The levels that it has besides `low` and `high`; the nearest level replaces a missing one. */
  readonly levels: ReadonlySet<'minimal' | 'medium'>;
  /** The smallest thinking budget: 2.5 Pro cannot stop thinking. */
  readonly leastBudget: number;
  /** Whether it refuses a history with a function call without a thought signature. */
  readonly wantsSignatures: boolean;
  /** False where it refuses: "Penalty is not enabled for models/gemini-2.5-…". */
  readonly penalties: boolean;
  /** False where it refuses, from 3 on: "Multiple candidates is not enabled for this model". */
  readonly candidates: boolean;
  /** False before 3: "Function calling with a response mime type: 'application/json' is unsupported". */
  readonly jsonWithTools: boolean;
  /** Whether it has a system instruction and functions. Gemma has neither: instructions go into the user's first turn. */
  readonly instructions: boolean;
}

const gemini2: GeminiModel = {
  contextTokens: 1_048_576,
  thinking: 'none',
  levels: new Set(),
  leastBudget: 0,
  wantsSignatures: false,
  penalties: true,
  candidates: true,
  jsonWithTools: false,
  instructions: true,
};
const gemini25: GeminiModel = { ...gemini2, thinking: 'budget', penalties: false };
const gemini3: GeminiModel = {
  ...gemini2,
  thinking: 'level',
  levels: new Set(['medium']),
  wantsSignatures: true,
  candidates: false,
  jsonWithTools: true,
};
const { contextTokens: _unknown, ...gemini4 } = gemini3;
const { contextTokens: _none, ...withoutContext } = gemini2;
const gemma: GeminiModel = {
  ...withoutContext,
  penalties: false,
  candidates: false,
  instructions: false,
};

/**
 * The first match counts. Names without a version (`gemini-flash-latest`) and newer models match none and count as `gemini4`.
 */
const families: readonly (readonly [RegExp, GeminiModel])[] = [
  [/gemma-/, gemma],
  [/gemini-(1[.-]|2(\.[0-4])?-)/, gemini2],
  [/gemini-2\.5-pro/, { ...gemini25, leastBudget: 128 }],
  [/gemini-2\.5-/, gemini25],
  [/gemini-3-pro/, { ...gemini3, levels: new Set() }],
  [/gemini-3(\.[0-6])?-flash/, { ...gemini3, levels: new Set(['minimal', 'medium']) }],
  [/gemini-3[.-]/, gemini3],
];

/** What the model with this id accepts. */
export function geminiModel(id: string): GeminiModel {
  return families.find(([pattern]) => pattern.test(id))?.[1] ?? gemini4;
}

/**
 * The features that a model honours. No model honours `logit_bias`, which the API does not have, or `logprobs`, which current
 * models refuse ("Logprobs is not enabled for models/gemini-2.5-flash", and the same for 3.5).
 */
export function capabilitiesOf(model: GeminiModel): Capabilities {
  const features: Feature[] = ['temperature', 'top_p', 'max_tokens', 'stop', 'seed', 'image_input'];
  if (model.penalties) features.push('presence_penalty', 'frequency_penalty');
  if (model.candidates) features.push('n');
  if (model.instructions) features.push('json_object', 'json_schema', 'tools', 'tool_choice', 'audio_input');
  return new Set(features);
}
