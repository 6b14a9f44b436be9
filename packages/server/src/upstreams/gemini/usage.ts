import { asTokens, reportedCounts } from '../http/answer/reported-counts.ts';
import { UsageRecord } from '../http/answer/usage-record.ts';
import { asObject } from '../http/unknown-json.ts';

/**
 * The usage of one answer, from the `usageMetadata` of its events: each counts the answer so far. The API counts thoughts
 * separately from the answer and bills them as output, unless the total shows that the answer's count has them. Cached tokens
 * are part of the prompt.
 */
export class ContentUsage extends UsageRecord {
  /** The thoughts of the last event that counts any: later events may leave them out. */
  private thoughts = 0;

  /** Takes the `usageMetadata` of an event, after its parts. */
  take(value: unknown): void {
    const usage = asObject(value);
    if (usage === undefined) return;
    const prompt = asTokens(usage['promptTokenCount']) ?? 0;
    const thoughts = asTokens(usage['thoughtsTokenCount']) ?? 0;
    if (thoughts > 0) this.thoughts = thoughts;
    const isUnmentioned = this.thoughts === 0 && usage['thoughtsTokenCount'] === undefined;
    const counts = reportedCounts(
      {
        prompt: prompt === 0 ? 0 : prompt + (asTokens(usage['toolUsePromptTokenCount']) ?? 0),
        completion: usage['candidatesTokenCount'],
        cached: usage['cachedContentTokenCount'],
        // Caches are written by requests of their own, which are billed on their own.
        cacheWrite: undefined,
        reasoning: isUnmentioned ? undefined : this.thoughts,
        total: usage['totalTokenCount'],
      },
      'beside',
    );
    if (counts !== undefined) this.report(counts);
  }
}
