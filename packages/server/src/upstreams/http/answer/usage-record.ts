import type { Usage } from '../../../domain/usage.ts';
import type { ReportedCounts } from './reported-counts.ts';

/**
 * Takes every report of usage of one answer, in the order in which they come, and gives the usage of the answer. For each
 * count the last report above zero decides: a zero before or after it is a placeholder (contract, section 3).
 */
export class UsageRecord {
  private prompt = 0;
  private completion = 0;
  private cached: number | undefined;
  private cacheWrite: number | undefined;
  private reasoning: number | undefined;
  private reasoned = false;
  /** True while the completion's count is known and holds all output so far. */
  counted = false;

  /** Takes the counts of one report, after the output that came with it. */
  report({ prompt, completion, partial, cached, cacheWrite, reasoning }: ReportedCounts): void {
    if (prompt > 0) this.prompt = prompt;
    // A count that lacks a part replaces no larger one.
    if (completion > 0 && (!partial || completion >= this.completion)) {
      this.completion = completion;
      this.counted = !partial;
    }
    // Where both counts are 0, a 0 for the cache or for reasoning counts nothing either.
    const isPlaceholder = prompt === 0 && completion === 0;
    this.cached = laterOf(this.cached, cached, isPlaceholder);
    this.cacheWrite = laterOf(this.cacheWrite, cacheWrite, isPlaceholder);
    this.reasoning = laterOf(this.reasoning, reasoning, isPlaceholder);
  }

  /** Notes output that came after the last report. */
  outputCame(): void {
    this.counted = false;
  }

  /** Notes reasoning that was delivered: its count cannot be 0. */
  reasoningCame(): void {
    this.reasoned = true;
  }

  /** The usage so far, with 0 for a count that is not known; undefined where neither count is. */
  usage(): Usage | undefined {
    const { prompt, completion, cached, cacheWrite, reasoning, counted } = this;
    if (prompt === 0 && completion === 0) return undefined;
    const isPartOfPrompt = cached !== undefined && (prompt === 0 || cached <= prompt);
    const rest = prompt - (isPartOfPrompt ? cached : 0);
    const isRestOfPrompt = cacheWrite !== undefined && (prompt === 0 || cacheWrite <= rest);
    const isPossible =
      reasoning !== undefined && reasoning <= completion && (reasoning > 0 || !this.reasoned);
    return {
      promptTokens: prompt,
      completionTokens: completion,
      ...(isPartOfPrompt ? { cachedTokens: cached } : {}),
      ...(isRestOfPrompt ? { cacheWriteTokens: cacheWrite } : {}),
      ...(isPossible ? { reasoningTokens: reasoning } : {}),
      ...(completion > 0 && !counted ? { estimated: true } : {}),
    };
  }
}

function laterOf(before: number | undefined, given: number | undefined, isPlaceholder: boolean) {
  if (given === undefined || given > 0) return given ?? before;
  return before ?? (isPlaceholder ? undefined : 0);
}
