import type { Usage } from '../../domain/usage.ts';
import { asCount, asObject } from '../http/unknown-json.ts';

/** The fields of a `usage` as they came. */
export type Counts = Readonly<Record<string, unknown>>;

const known = new Set([
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'output_tokens_details',
]);

/** Adds a later `usage`: `message_delta` repeats counts of `message_start`, and those that are null do not replace them. */
export function addCounts(before: Counts, value: unknown): Counts {
  const given = Object.entries(asObject(value) ?? {}).filter(
    ([name, count]) => known.has(name) && count !== null && count !== undefined,
  );
  return { ...before, ...Object.fromEntries(given) };
}

/**
 * The usage of an answer. `input_tokens` excludes tokens read from a cache or written to it: the three together are the prompt.
 */
export function usageOf(counts: Counts): Usage | undefined {
  const input = asCount(counts['input_tokens']);
  const output = asCount(counts['output_tokens']);
  if (input === undefined || output === undefined) return undefined;
  const cached = asCount(counts['cache_read_input_tokens']);
  const created = asCount(counts['cache_creation_input_tokens']) ?? 0;
  const thinking = asCount(asObject(counts['output_tokens_details'])?.['thinking_tokens']);
  return {
    promptTokens: input + created + (cached ?? 0),
    completionTokens: output,
    ...(cached === undefined ? {} : { cachedTokens: cached }),
    ...(thinking === undefined || thinking > output ? {} : { reasoningTokens: thinking }),
  };
}
