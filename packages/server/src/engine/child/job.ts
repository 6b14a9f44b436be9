import type { ReasoningTags } from '../../domain/reasoning-split.ts';
import type { AnswerShape, Sampling } from '../between/protocol.ts';
import type { ToolSyntax } from '../between/tool-syntax.ts';
import type { Prompt } from './prompt.ts';

/** One request as the scheduler takes it: its prompt in tokens, and what its answer may be. */
export interface Job {
  readonly id: number;
  readonly keyId: string;
  readonly tokens: readonly number[];
  /** How many of them, at the end, are the beginning of the answer. */
  readonly prefixTokens: number;
  readonly sampling: Sampling;
  /** Tokens to sample at most for each choice, at least 1; prompt and answer fit the context together. */
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly choices: number;
  readonly topLogprobs?: number;
  readonly shape: AnswerShape;
  readonly syntax: ToolSyntax;
  readonly tags: readonly ReasoningTags[];
  readonly opened: Prompt['opened'];
  /** What closes the thoughts that are open. */
  readonly closing: Prompt['closing'];
}

/** One choice of a job: what takes a place. */
export interface Part {
  readonly job: Job;
  readonly choice: number;
  readonly keyId: string;
}
