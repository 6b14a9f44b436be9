import type { Usage } from '../../domain/usage.ts';
import { asCount, asObject } from '../http/unknown-json.ts';

/**
 * The usage of a `usageMetadata`. The API counts thoughts separately from the answer and bills them as output; cached tokens
 * are part of the prompt.
 */
export function usageOf(value: unknown): Usage | undefined {
  const counts = asObject(value);
  const prompt = asCount(counts?.['promptTokenCount']);
  if (counts === undefined || prompt === undefined) return undefined;
  const thought = asCount(counts['thoughtsTokenCount']);
  const cached = asCount(counts['cachedContentTokenCount']);
  return {
    promptTokens: prompt + (asCount(counts['toolUsePromptTokenCount']) ?? 0),
    completionTokens: (asCount(counts['candidatesTokenCount']) ?? 0) + (thought ?? 0),
    ...(cached === undefined || cached > prompt ? {} : { cachedTokens: cached }),
    ...(thought === undefined ? {} : { reasoningTokens: thought }),
  };
}
