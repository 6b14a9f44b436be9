/** Token counts of one completion, over all its choices; the prompt is counted once. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Prompt tokens that were not computed again because a cache held them. */
  readonly cachedTokens?: number;
  /** Part of `completionTokens` spent on reasoning. */
  readonly reasoningTokens?: number;
  /** True where no target said and the numbers are ours. */
  readonly estimated?: boolean;
}
