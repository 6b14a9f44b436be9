/**
 * Token counts of one completion with all its choices; the prompt is counted once. In the event of a target, a count that the
 * target did not report is 0: {@link withEstimates} fills it in.
 */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Part of `promptTokens` that the target took from a cache. */
  readonly cachedTokens?: number;
  /** Another part of `promptTokens`, that the target wrote to a cache. */
  readonly cacheWriteTokens?: number;
  /** Part of `completionTokens` that is reasoning. */
  readonly reasoningTokens?: number;
  /**
   * True where this server estimated a count. In the event of a target: output came that `completionTokens` does not hold, so it
   * is the least possible number.
   */
  readonly estimated?: boolean;
}

/** This server's own counts of one completion. */
export interface UsageEstimates {
  promptTokens(): number;
  /** Tokens of the output so far. */
  completionTokens(): number;
  /** Whether the targets themselves have counted each token of {@link completionTokens}. */
  completionIsCounted(): boolean;
}

/**
 * The usage with an estimate for each count that `reported` lacks: no prompt has zero tokens, and neither has delivered output.
 * A completion that is the least possible number is raised to this server's count. Undefined: nothing was reported.
 */
export function withEstimates(reported: Usage | undefined, estimates: UsageEstimates): Usage {
  const usage = reported ?? noUsage;
  const prompt = usage.promptTokens > 0 ? usage.promptTokens : estimatedPrompt(usage, estimates);
  const isExact = usage.completionTokens > 0 && usage.estimated !== true;
  const completion = isExact
    ? usage.completionTokens
    : Math.max(usage.completionTokens, estimates.completionTokens());
  const isReported = prompt === usage.promptTokens && completion === usage.completionTokens;
  if (reported !== undefined && isReported) return reported;
  const { estimated: isLeast, ...counts } = usage;
  const isOwnCount = completion > usage.completionTokens;
  const isEstimated =
    prompt !== usage.promptTokens || (isOwnCount ? !estimates.completionIsCounted() : isLeast === true);
  return {
    ...counts,
    promptTokens: prompt,
    completionTokens: completion,
    ...(isEstimated ? { estimated: true } : {}),
  };
}

const noUsage: Usage = { promptTokens: 0, completionTokens: 0 };

/** Tokens that a cache was asked for, or got, are tokens of the prompt. */
function estimatedPrompt(
  { cachedTokens = 0, cacheWriteTokens = 0 }: Usage,
  estimates: UsageEstimates,
): number {
  return Math.max(cachedTokens + cacheWriteTokens, estimates.promptTokens());
}
