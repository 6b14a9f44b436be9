import type { Usage } from '../../domain/usage.ts';
import { asCount, asRecord } from '../http/unknown-json.ts';

/** Of `usageMetadata`. Thoughts are counted beside the answer, and billed as output; cached tokens are part of the prompt. */
export function usageOf(value: unknown): Usage | undefined {
  const counts = asRecord(value);
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
