import type { Capabilities, Feature } from '../../domain/requirements.ts';

/**
 * What a Claude model takes. The Messages API is one, but each generation refuses (400) something that the
 * one before it took. Sources: platform.claude.com/docs/en/models/<model>/overview and migration-guide,
 * …/build-with-claude/{thinking, effort, structured-outputs, mid-conversation-system-messages}, …/api/errors
 * (prefill not supported), read in November 2026.
 */
export interface ClaudeModel {
  /** Where a request names no `max_tokens`, which this API demands; and the most it may name. */
  readonly maxOutputTokens: number;
  readonly contextTokens?: number;
  /** `temperature` and `top_p`: both together, one of them at a time, or neither. */
  readonly sampling: 'both' | 'one' | 'none';
  /** How thinking is asked for: not at all, by a budget in tokens, or by effort. */
  readonly thinking: 'none' | 'budget' | 'adaptive';
  /** False where the model always thinks: `disabled` is refused. */
  readonly thinkingStops: boolean;
  /** Efforts above `high`. */
  readonly highEfforts: boolean;
  /** Continues an assistant message that comes last. */
  readonly prefill: boolean;
  /** Whose message may come last: an assistant's is to be gone on with, and so must not end in white space. */
  readonly lastTurn: 'any' | 'without white space' | 'user';
  /** `tool_choice` `any` and `tool`. */
  readonly forcedTools: boolean;
  /** `output_config.format` and `strict` tools. */
  readonly structuredOutput: boolean;
  /** `role: system` behind a user turn. */
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

/** The first that fits; dated ids, and ids with a cloud's prefix, count as their family. */
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
  // Reports on system turns disagree: then none are sent.
  [/claude-sonnet-5/, claude47],
  // Newer than this table: what every newer generation has kept refusing is not offered.
  [/claude/, { ...alwaysThinking, systemTurns: false }],
];

/** Not Claude, but somebody's server for the same API. */
const stranger: ClaudeModel = {
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

export function claudeModel(id: string): ClaudeModel {
  return families.find(([pattern]) => pattern.test(id))?.[1] ?? stranger;
}

/**
 * What a model honours. Not among it, whatever the model: `seed`, `n`, penalties, `logit_bias` and
 * `logprobs` (the API has none of them), and `json_object` (it has schemas only).
 */
export function capabilitiesOf(model: ClaudeModel): Capabilities {
  const features: Feature[] = ['max_tokens', 'stop', 'tools', 'image_input'];
  if (model.sampling !== 'none') features.push('temperature', 'top_p');
  if (model.forcedTools) features.push('tool_choice');
  if (model.structuredOutput) features.push('json_schema');
  return new Set(features);
}
