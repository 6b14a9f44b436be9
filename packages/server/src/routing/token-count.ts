import { tokensOf } from '../domain/estimate-tokens.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

/**
 * Counts tokens of text, reasoning, refusals and tool arguments. Other output counts as one token a delta, unless the target
 * counts it.
 */
export interface TokenCount {
  /** As the target counted them, else estimated by `tokensOf`. Used for a usage that no target reports. */
  readonly tokens: number;
  /** The least number that is possible: where the target did not count, one for each delta. Used with `max_tokens`. */
  readonly lowerBound: number;
  /** True while the target has counted every delta: then `tokens` and `lowerBound` are equal. */
  readonly exact: boolean;
}

/** The tokens of one attempt. The guard, takeovers and the attempt's record use this count. */
export interface AttemptCount extends TokenCount {
  /**
   * The counts that the target has reported, the last one above zero of the prompt; a completion is the least possible number
   * (`estimated`) where output has come after its report.
   */
  readonly usage: Usage | undefined;
  /** The target has begun to answer. */
  readonly begun: boolean;
  /** Why its choices have finished, in the order in which they have. */
  readonly finishReasons: readonly string[];
}

const none: readonly string[] = [];

/** Counts the tokens of one attempt's batches. */
export class TokenCounter implements AttemptCount {
  tokens = 0;
  lowerBound = 0;
  exact = true;
  begun = false;
  finishReasons: readonly string[] = none;
  private reported: Usage | undefined;
  /** The value of `tokens` at the last report of a usage. */
  private tokensAtReport = 0;

  get usage(): Usage | undefined {
    const { reported, tokens, tokensAtReport } = this;
    if (reported === undefined || reported.completionTokens === 0 || tokens === tokensAtReport)
      return reported;
    return { ...reported, estimated: true };
  }

  add(batch: EventBatch): void {
    for (let at = 0; at < batch.length; at += 1) {
      const event = batch[at];
      if (event !== undefined) this.addEvent(event);
    }
  }

  private addEvent(event: StreamEvent): void {
    this.begun ||= event.type !== 'failed';
    switch (event.type) {
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
      case 'tool-call-delta':
        if (event.json === '') return;
        this.tokens += tokensOf(event);
        this.lowerBound += event.tokens ?? 1;
        if (event.tokens === undefined) this.exact = false;
        return;
      case 'other-delta':
        // A target bills an image or audio by rules of its own; the length of its JSON does not show the tokens.
        this.tokens += 1;
        this.exact = false;
        return;
      case 'usage':
        this.report(event.usage);
        return;
      case 'start':
        if (event.promptTokens !== undefined) this.report(usageOfStart(event, event.promptTokens));
        return;
      case 'finish':
        this.finishReasons = this.finishReasons.concat(event.reason);
        return;
      case 'tool-call-start':
      case 'failed':
    }
  }

  private report(usage: Usage): void {
    const isPromptMissing = usage.promptTokens === 0;
    this.reported = isPromptMissing ? withPromptOf(this.reported, usage) : usage;
    this.tokensAtReport = this.tokens;
  }
}

function usageOfStart(
  { cachedTokens, cacheWriteTokens }: Pick<Usage, 'cachedTokens' | 'cacheWriteTokens'>,
  promptTokens: number,
): Usage {
  return {
    promptTokens,
    completionTokens: 0,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
  };
}

/** What a usage says of the prompt: its completion is not known. */
export function promptOf(usage: Usage): Usage {
  return usageOfStart(usage, usage.promptTokens);
}

/** `usage` with the prompt of another one; without that, as it is. Undefined: nothing was reported. */
export function withPromptOf(prompt: Usage | undefined, usage: Usage | undefined): Usage | undefined {
  if (prompt === undefined || prompt.promptTokens === 0) return usage;
  const { completionTokens = 0, reasoningTokens, estimated } = usage ?? {};
  const { promptTokens, cachedTokens, cacheWriteTokens } = prompt;
  return {
    promptTokens,
    completionTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    ...(estimated === undefined ? {} : { estimated }),
  };
}

const nothing: TokenCount = { tokens: 0, lowerBound: 0, exact: true };

/**
 * The tokens of an answer that the client has received, by the counts of the attempts. After a takeover the sum continues
 * with the count of the new attempt, less the tokens that it only repeated (the offset).
 *
 *     first    ─────────┤ cut
 *     replay   ─ old ───┼─ new ──▶        delivered: the tokens of the first attempt, and the new ones of the replay
 */
export class DeliveredTokens implements TokenCount {
  /** The count of the current attempt. */
  private count: TokenCount = nothing;
  /**
   * At the takeover: the tokens delivered so far, less those that the current attempt had counted. Negative for a
   * replay.
   */
  private tokensOffset = 0;
  private lowerBoundOffset = 0;
  /** The tokens delivered before the current attempt took over. */
  private tokensBefore = 0;
  private exactBefore = true;

  get tokens(): number {
    return this.tokensOffset + this.count.tokens;
  }

  get lowerBound(): number {
    return this.lowerBoundOffset + this.count.lowerBound;
  }

  get exact(): boolean {
    return this.exactBefore && this.count.exact;
  }

  /** The tokens that the current attempt has delivered. */
  get byCurrent(): number {
    return this.tokens - this.tokensBefore;
  }

  /** Another attempt continues the answer. `batch` holds those of its events so far that are new to the client. */
  continueWith(count: TokenCount, batch: EventBatch): void {
    const { tokens, lowerBound, exact } = this;
    const fresh = new TokenCounter();
    fresh.add(batch);
    // Where the joint has cut a delta, no target has counted the remaining part, so its tokens are estimated.
    this.tokensOffset = tokens + Math.min(fresh.tokens, count.tokens) - count.tokens;
    this.lowerBoundOffset = lowerBound + Math.min(fresh.lowerBound, count.lowerBound) - count.lowerBound;
    this.tokensBefore = tokens;
    this.exactBefore = exact && fresh.exact;
    this.count = count;
  }
}
