/** Token counts of one completion with all its choices; the prompt is counted once. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Part of `promptTokens` that the target took from a cache. */
  readonly cachedTokens?: number;
  /** Part of `completionTokens` that is reasoning. */
  readonly reasoningTokens?: number;
  /** True where no target reported the usage and this server estimated it. */
  readonly estimated?: boolean;
}
