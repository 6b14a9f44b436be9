import type { Capabilities, Feature } from '../../domain/requirements.ts';

/**
 * What a Gemini model takes, by its generation. Sources: ai.google.dev/gemini-api/docs/{thinking,
 * thought-signatures, structured-output, openai} and the refusals quoted at each field, read in November 2026.
 */
export interface GeminiModel {
  readonly contextTokens?: number;
  /** How thinking is asked for: not at all, by a budget in tokens (2.5), or by level (3 and later). */
  readonly thinking: 'none' | 'budget' | 'level';
  /** Levels below and between `low` and `high`; without them the nearest one is asked for. */
  readonly levels: ReadonlySet<'minimal' | 'medium'>;
  /** Least thinking budget: the Pro of 2.5 cannot stop thinking. */
  readonly leastBudget: number;
  /** Refuses a function call in the history that has no thought signature. */
  readonly wantsSignatures: boolean;
  /** "Penalty is not enabled for models/gemini-2.5-…" */
  readonly penalties: boolean;
  /** "Multiple candidates is not enabled for this model", from 3 on. */
  readonly candidates: boolean;
  /** "Function calling with a response mime type: 'application/json' is unsupported", before 3. */
  readonly jsonWithTools: boolean;
  /** Gemma has no system instruction and no functions: instructions go into the user's first turn. */
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
const { contextTokens: _unsaid, ...gemini4 } = gemini3;
const { contextTokens: _none, ...withoutContext } = gemini2;
const gemma: GeminiModel = {
  ...withoutContext,
  penalties: false,
  candidates: false,
  instructions: false,
};

/** The first that fits. `gemini-flash-latest` and its kind, and what is newer than this table, come last. */
const families: readonly (readonly [RegExp, GeminiModel])[] = [
  [/gemma-/, gemma],
  [/gemini-(1[.-]|2(\.[0-4])?-)/, gemini2],
  [/gemini-2\.5-pro/, { ...gemini25, leastBudget: 128 }],
  [/gemini-2\.5-/, gemini25],
  [/gemini-3-pro/, { ...gemini3, levels: new Set() }],
  [/gemini-3(\.[0-6])?-flash/, { ...gemini3, levels: new Set(['minimal', 'medium']) }],
  [/gemini-3[.-]/, gemini3],
];

export function geminiModel(id: string): GeminiModel {
  return families.find(([pattern]) => pattern.test(id))?.[1] ?? gemini4;
}

/**
 * What a model honours. Not among it, whatever the model: `logit_bias` (there is none), and `logprobs`, which
 * current models refuse ("Logprobs is not enabled for models/gemini-2.5-flash"; 3.5 says the same).
 */
export function capabilitiesOf(model: GeminiModel): Capabilities {
  const features: Feature[] = ['temperature', 'top_p', 'max_tokens', 'stop', 'seed', 'image_input'];
  if (model.penalties) features.push('presence_penalty', 'frequency_penalty');
  if (model.candidates) features.push('n');
  if (model.instructions) features.push('json_object', 'json_schema', 'tools', 'tool_choice', 'audio_input');
  return new Set(features);
}
