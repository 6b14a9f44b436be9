import type { Capabilities, Feature } from '../../domain/requirements.ts';

/**
 * What a Claude model accepts. All models have the Messages API, but each generation refuses (400) something that the
 * generation before it accepted. Sources: platform.claude.com/docs/en/models/<model>/overview and migration-guide,
 * …/build-with-claude/{thinking, effort, structured-outputs, mid-conversation-system-messages}, …/api/errors (prefill not
 * supported), read in November 2026.
 */
export interface ClaudeModel {
  /** The largest `max_tokens`, and the one for a request without it: the API demands the field. */
  readonly maxOutputTokens: number;
  readonly contextTokens?: number;
  /** Whether it accepts `temperature` and `top_p` together, one of them, or neither. */
  readonly sampling: 'both' | 'one' | 'none';
  /** How thinking is requested: not at all, by a budget in tokens, or by effort. */
  readonly thinking: 'none' | 'budget' | 'adaptive';
  /** False where the model always thinks and refuses `disabled`. */
  readonly thinkingStops: boolean;
  /** Whether it accepts efforts above `high`. */
  readonly highEfforts: boolean;
  /** Whether it continues an assistant's message that comes last. */
  readonly prefill: boolean;
  /**
   * Which last message it accepts. `any`: every message. `without white space`: every message, except an assistant's that ends
   * in white space. `user`: every message, except an assistant's.
   */
  readonly lastTurn: 'any' | 'without white space' | 'user';
  /** Whether it accepts the `tool_choice` types `any` and `tool`. */
  readonly forcedTools: boolean;
  /** Whether it accepts `output_config.format` and `strict` tools. */
  readonly structuredOutput: boolean;
  /** Whether it accepts `role: system` after a user's turn. */
  readonly systemTurns: boolean;
}

const claude3: ClaudeModel = {
  maxOutputTokens: 4_096,
  contextTokens: 200_000,
  sampling: 'both',
  thinking: 'none',
  thinkingStops: true,
  highEfforts: false,
  prefill: true,
  lastTurn: 'without white space',
  forcedTools: true,
  structuredOutput: false,
  systemTurns: false,
};
const claude4: ClaudeModel = { ...claude3, maxOutputTokens: 32_000, thinking: 'budget' };
// From Opus 4.1 on, temperature and top_p exclude each other.
const claude41: ClaudeModel = { ...claude4, sampling: 'one', structuredOutput: true };
const claude46: ClaudeModel = {
  ...claude41,
  maxOutputTokens: 128_000,
  contextTokens: 1_000_000,
  thinking: 'adaptive',
  prefill: false,
  lastTurn: 'user',
};
const claude47: ClaudeModel = { ...claude46, sampling: 'none', highEfforts: true };
const claude48: ClaudeModel = { ...claude47, systemTurns: true };
const alwaysThinking: ClaudeModel = { ...claude48, thinkingStops: false, forcedTools: false };

/** The first match counts. Ids with a date or with the prefix of a cloud belong to their family. */
const families: readonly (readonly [RegExp, ClaudeModel])[] = [
  [/claude-3-5-/, { ...claude3, maxOutputTokens: 8_192 }],
  [/claude-3-7-/, { ...claude3, maxOutputTokens: 64_000, thinking: 'budget' }],
  [/claude-3-/, claude3],
  [/claude-(opus|sonnet|haiku)-4-5/, { ...claude41, maxOutputTokens: 64_000 }],
  [/claude-opus-4-1/, claude41],
  [/claude-(opus|sonnet)-4-6/, claude46],
  [/claude-opus-4-7/, claude47],
  [/claude-opus-4-8/, claude48],
  [/claude-opus-4(-0|-20|@|$)/, claude4],
  [/claude-sonnet-4(-0|-20|@|$)/, { ...claude4, maxOutputTokens: 64_000 }],
  [/claude-haiku-5-5/, claude48],
  [/claude-(opus|sonnet)-5-5/, alwaysThinking],
  [/claude-opus-5/, claude48],
  // Sources disagree about system turns, so none are sent.
  [/claude-sonnet-5/, claude47],
  // Models newer than this table: what the last generations refuse is not sent to them.
  [/claude/, { ...alwaysThinking, systemTurns: false }],
];

/** Models of other servers with the same API. */
const otherModel: ClaudeModel = {
  maxOutputTokens: 8_192,
  sampling: 'both',
  thinking: 'none',
  thinkingStops: true,
  highEfforts: false,
  prefill: false,
  lastTurn: 'any',
  forcedTools: true,
  structuredOutput: false,
  systemTurns: false,
};

/** What the model with this id accepts. */
export function claudeModel(id: string): ClaudeModel {
  return families.find(([pattern]) => pattern.test(id))?.[1] ?? otherModel;
}

/**
 * The features that a model honours. No model honours `seed`, `n`, penalties, `logit_bias` and `logprobs`, which the API does
 * not have, or `json_object`: the API has only schemas.
 */
export function capabilitiesOf(model: ClaudeModel): Capabilities {
  const features: Feature[] = ['max_tokens', 'stop', 'tools', 'image_input'];
  if (model.sampling !== 'none') features.push('temperature', 'top_p');
  if (model.forcedTools) features.push('tool_choice');
  if (model.structuredOutput) features.push('json_schema');
  if (model.prefill) features.push('continued_answer');
  return new Set(features);
}
