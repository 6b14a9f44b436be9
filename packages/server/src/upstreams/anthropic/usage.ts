import type { Usage } from '../../domain/usage.ts';
import { asCount, asRecord } from '../http/unknown-json.ts';

/** Counts as they came, field by field. */
export type Counts = Readonly<Record<string, unknown>>;

const known = new Set([
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'output_tokens_details',
]);

/** `message_delta` repeats counts of `message_start`, some of them as null: the later one that says something counts. */
export function addCounts(before: Counts, value: unknown): Counts {
  const said = Object.entries(asRecord(value) ?? {}).filter(
    ([name, count]) => known.has(name) && count !== null && count !== undefined,
  );
  return { ...before, ...Object.fromEntries(said) };
}

/** `input_tokens` counts only what no cache held or took in; the three together are the prompt. */
export function usageOf(counts: Counts): Usage | undefined {
  const input = asCount(counts['input_tokens']);
  const output = asCount(counts['output_tokens']);
  if (input === undefined || output === undefined) return undefined;
  const cached = asCount(counts['cache_read_input_tokens']);
  const created = asCount(counts['cache_creation_input_tokens']) ?? 0;
  const thinking = asCount(asRecord(counts['output_tokens_details'])?.['thinking_tokens']);
  return {
    promptTokens: input + created + (cached ?? 0),
    completionTokens: output,
    ...(cached === undefined ? {} : { cachedTokens: cached }),
    ...(thinking === undefined || thinking > output ? {} : { reasoningTokens: thinking }),
  };
}
