import type { Usage } from '../../domain/usage.ts';
import { choiceOfIndex } from '../http/answer/choice-index.ts';
import type { ReportedCounts } from '../http/answer/reported-counts.ts';
import { UsageRecord } from '../http/answer/usage-record.ts';
import type { UpstreamChunk } from './chunk.ts';

/** The usage of one answer, out of all its chunks. */
export class ChatUsage {
  private readonly record = new UsageRecord();
  /** `n` of the request. */
  private readonly choices: number;
  /** The counts that stand in a choice (Moonshot), by its index. Absent where the answer has one choice. */
  private readonly byChoice: Map<number, ReportedCounts> | undefined;
  /** The sum of the chunks without choices since the last output: with several choices, some servers send one for each. */
  private sum: ReportedCounts | undefined;
  /** How many counts of output are in the sum. */
  private summed = 0;
  /** The completion's tokens by the last report, where no output has come since then. */
  private last: number | undefined;
  /** True once output has come: a count of 0 is then impossible. */
  private begun = false;

  constructor(choices: number) {
    this.choices = choices;
    this.byChoice = choices === 1 ? undefined : new Map();
  }

  /** Takes what a chunk reports, after its output. `spoke`: it had output. */
  take(chunk: UpstreamChunk, spoke: boolean): void {
    if (spoke) this.outputCame();
    for (const { index, usage } of chunk.choices) if (usage !== undefined) this.takeOfChoice(index, usage);
    if (chunk.usage !== undefined) this.takeOfAnswer(chunk.usage, chunk.choices.length === 0);
  }

  /** The tokens of a chunk, where every chunk has a usage with the sum so far; undefined where that is not known. */
  tokensOf(chunk: UpstreamChunk): number | undefined {
    if (this.choices > 1 || chunk.usage === undefined || this.last === undefined) return undefined;
    const added = chunk.usage.completion - this.last;
    return added > 0 ? added : undefined;
  }

  /** True where the next output makes a count outdated: then {@link take} must see its chunk. */
  get awaitsOutput(): boolean {
    return this.record.counted || this.last !== undefined;
  }

  /** Notes reasoning that was delivered. */
  reasoningCame(): void {
    this.record.reasoningCame();
  }

  /** See {@link UsageRecord.usage}. */
  usage(): Usage | undefined {
    return this.record.usage();
  }

  private outputCame(): void {
    this.record.outputCame();
    this.begun = true;
    this.sum = undefined;
    this.summed = 0;
    this.last = undefined;
  }

  private takeOfChoice(index: unknown, usage: ReportedCounts): void {
    const { byChoice, choices } = this;
    if (byChoice === undefined) {
      this.record.report(usage);
      return;
    }
    const choice = choiceOfIndex(index, choices);
    if (choice === undefined) return;
    byChoice.set(choice, usage);
    const all = [...byChoice.values()].reduce(sumOf);
    this.record.report(byChoice.size < choices ? { ...all, partial: true } : all);
  }

  private takeOfAnswer(usage: ReportedCounts, alone: boolean): void {
    this.last = usage.completion === 0 && this.begun ? undefined : usage.completion;
    if (this.choices === 1 || !alone) {
      this.record.report(usage);
      return;
    }
    const isWhole = this.summed === this.choices;
    // A zero may be the count of one choice. After the counts of all choices it is a placeholder.
    if (usage.completion === 0 && isWhole) return;
    this.sum = this.sum === undefined || isWhole ? usage : sumOf(this.sum, usage);
    this.summed = (isWhole ? 0 : this.summed) + (usage.completion === 0 ? 0 : 1);
    this.record.report(this.summed === this.choices ? { ...this.sum, partial: false } : this.sum);
  }
}

/** The usage of several choices that were counted separately (llama.cpp). The prompt is counted once. */
function sumOf(one: ReportedCounts, other: ReportedCounts): ReportedCounts {
  const { reasoning: first, cached, cacheWrite } = one;
  const { reasoning: second } = other;
  return {
    prompt: Math.max(one.prompt, other.prompt),
    completion: one.completion + other.completion,
    partial: one.partial || other.partial || one.completion === 0 || other.completion === 0,
    cached: cached === undefined ? other.cached : Math.max(cached, other.cached ?? 0),
    cacheWrite: cacheWrite === undefined ? other.cacheWrite : Math.max(cacheWrite, other.cacheWrite ?? 0),
    reasoning: first === undefined ? second : first + (second ?? 0),
  };
}
