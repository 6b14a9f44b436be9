import type { Usage } from '../../domain/usage.ts';
import { asCount, asObject } from '../http/unknown-json.ts';

/** An upstream's `usage`; undefined where it lacks a count, or has an impossible one (negative, not whole). */
export function decodeUsage(value: unknown): Usage | undefined {
  const usage = asObject(value);
  const promptTokens = asCount(usage?.['prompt_tokens']);
  const completionTokens = asCount(usage?.['completion_tokens']);
  if (usage === undefined || promptTokens === undefined || completionTokens === undefined) return undefined;
  const cached =
    asCount(asObject(usage['prompt_tokens_details'])?.['cached_tokens']) ??
    asCount(usage['prompt_cache_hit_tokens']);
  const reasoning = asCount(asObject(usage['completion_tokens_details'])?.['reasoning_tokens']);
  return {
    promptTokens,
    completionTokens,
    ...(cached === undefined || cached > promptTokens ? {} : { cachedTokens: cached }),
    ...(reasoning === undefined || reasoning > completionTokens ? {} : { reasoningTokens: reasoning }),
  };
}

/** The usage of several choices that were counted separately (llama.cpp). The prompt is counted once. */
export function addUsage(one: Usage, other: Usage): Usage {
  const cachedTokens = Math.max(one.cachedTokens ?? -1, other.cachedTokens ?? -1);
  const reasoningTokens = (one.reasoningTokens ?? 0) + (other.reasoningTokens ?? 0);
  const promptTokens = Math.max(one.promptTokens, other.promptTokens);
  const knowsReasoning = one.reasoningTokens !== undefined || other.reasoningTokens !== undefined;
  return {
    promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
    ...(cachedTokens < 0 ? {} : { cachedTokens }),
    ...(knowsReasoning ? { reasoningTokens } : {}),
  };
}
