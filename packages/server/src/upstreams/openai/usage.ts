import { asTokens, type ReportedCounts, reportedCounts } from '../http/answer/reported-counts.ts';
import { asObject } from '../http/unknown-json.ts';

/**
 * The counts of an upstream's `usage`; undefined where it has none. The reasoning tokens are part of the completion, unless the
 * total shows that they are not (xAI).
 */
export function decodeUsage(value: unknown): ReportedCounts | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const promptDetails = asObject(usage['prompt_tokens_details'] ?? usage['input_tokens_details']);
  const details = asObject(usage['completion_tokens_details'] ?? usage['output_tokens_details']);
  return reportedCounts(
    {
      // Gateways before a server of another API keep its names.
      prompt: filled(usage['prompt_tokens'], usage['input_tokens']),
      completion: filled(usage['completion_tokens'], usage['output_tokens']),
      // DeepSeek; Moonshot.
      cached: filled(
        promptDetails?.['cached_tokens'],
        usage['prompt_cache_hit_tokens'],
        usage['cached_tokens'],
      ),
      // OpenRouter; LiteLLM, and servers that keep Anthropic's name.
      cacheWrite: filled(
        promptDetails?.['cache_write_tokens'],
        promptDetails?.['cache_creation_tokens'],
        usage['cache_creation_input_tokens'],
      ),
      // SGLang has them at the top.
      reasoning: filled(details?.['reasoning_tokens'], usage['reasoning_tokens']),
      total: usage['total_tokens'],
    },
    'within',
  );
}

/** The first value that is neither absent nor zero, else the first that is not absent. */
function filled(...values: readonly unknown[]): unknown {
  return values.find((value) => !isAbsent(value) && value !== 0) ?? values.find((value) => !isAbsent(value));
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/**
 * The counts of llama.cpp's `timings`, which stand in the last chunk of each choice also where the server sends no usage.
 * `prompt_n` lacks the tokens from the cache, and older versions do not report these.
 */
export function decodeTimings(value: unknown): ReportedCounts | undefined {
  const timings = asObject(value);
  if (timings === undefined) return undefined;
  const cached = asTokens(timings['cache_n']);
  const read = asTokens(timings['prompt_n']);
  const prompt = cached === undefined || read === undefined ? undefined : cached + read;
  const completion = timings['predicted_n'];
  return reportedCounts(
    { prompt, completion, cached, cacheWrite: undefined, reasoning: undefined, total: undefined },
    'within',
  );
}
