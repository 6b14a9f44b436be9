import type { ReasoningTags } from '../../domain/reasoning-split.ts';
import type { AnswerShape, Sampling } from '../between/protocol.ts';
import type { ToolSyntax } from '../between/tool-syntax.ts';
import type { Prompt } from './prompt.ts';

/** One request for the scheduler: its prompt in tokens, and the form of its answer. */
export interface Job {
  readonly id: number;
  readonly keyId: string;
  readonly tokens: readonly number[];
  /** The number of tokens at the end of the prompt that are the beginning of the answer. */
  readonly prefixTokens: number;
  readonly sampling: Sampling;
  /** The most tokens to sample for each choice, at least 1. Prompt and answer together fit into the context. */
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly choices: number;
  readonly topLogprobs?: number;
  readonly shape: AnswerShape;
  readonly syntax: ToolSyntax;
  readonly tags: readonly ReasoningTags[];
  readonly opened: Prompt['opened'];
  /** The tokens that close open thoughts. */
  readonly closing: Prompt['closing'];
}

/** One choice of a job. It takes one place. */
export interface Part {
  readonly job: Job;
  readonly choice: number;
  readonly keyId: string;
}
