import type { Usage } from '../../domain/usage.ts';
import { asRecord } from '../http/unknown-json.ts';

/** An upstream's `usage`; undefined where it is none, or says what cannot be (negative, not whole). */
export function decodeUsage(value: unknown): Usage | undefined {
  const usage = asRecord(value);
  const promptTokens = count(usage?.['prompt_tokens']);
  const completionTokens = count(usage?.['completion_tokens']);
  if (usage === undefined || promptTokens === undefined || completionTokens === undefined) return undefined;
  const cached =
    count(asRecord(usage['prompt_tokens_details'])?.['cached_tokens']) ??
    count(usage['prompt_cache_hit_tokens']);
  const reasoning = count(asRecord(usage['completion_tokens_details'])?.['reasoning_tokens']);
  return {
    promptTokens,
    completionTokens,
    ...(cached === undefined || cached > promptTokens ? {} : { cachedTokens: cached }),
    ...(reasoning === undefined || reasoning > completionTokens ? {} : { reasoningTokens: reasoning }),
  };
}

/** The usage of several choices that were counted apart (llama.cpp): the prompt is read once. */
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

// Nobody has counted more; what is larger is nonsense, and would be billed.
const maxTokens = 1_000_000_000;

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= maxTokens
    ? value
    : undefined;
}
