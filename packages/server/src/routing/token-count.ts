import { tokensOf } from '../domain/estimate-tokens.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

/** Tokens of text, reasoning, refusals and arguments. */
export interface TokenCount {
  /** By the target's own count, else guessed by `tokensOf`: for a usage that no target reports. */
  readonly tokens: number;
  /** No fewer than this: where the target does not count, one a delta. What is taken from `max_tokens`. */
  readonly lowerBound: number;
  /** True while the target has counted every delta: then both are the same. */
  readonly exact: boolean;
}

/** Of one attempt: the guard, takeovers and the attempt's record read this count. */
export interface AttemptCount extends TokenCount {
  /** What the target has reported last. */
  readonly usage: Usage | undefined;
}

/** Counts as they come. */
export class TokenCounter implements AttemptCount {
  tokens = 0;
  lowerBound = 0;
  exact = true;
  usage: Usage | undefined;

  add(batch: EventBatch): void {
    for (let at = 0; at < batch.length; at += 1) {
      const event = batch[at];
      if (event !== undefined) this.addEvent(event);
    }
  }

  private addEvent(event: StreamEvent): void {
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
      case 'usage':
        this.usage = event.usage;
        return;
      case 'start':
      case 'tool-call-start':
      case 'finish':
      case 'failed':
    }
  }
}

const nothing: TokenCount = { tokens: 0, lowerBound: 0, exact: true };

/**
 * Tokens that the client has had of an answer, by the counts of the attempts that said them. A joint lets only some of
 * what an attempt says through: what it had said by then is taken off, and from there on its own count goes on.
 *
 *     first    ─────────┤ cut
 *     replay   ─ old ───┼─ new ──▶        had: the first's, and of the replay what is new
 */
export class DeliveredTokens implements TokenCount {
  private count: TokenCount = nothing;
  /** What the client has had, less what the attempt at work had said, when it took over. */
  private tokensOff = 0;
  private lowerBoundOff = 0;
  private begin = 0;
  private exactBefore = true;

  get tokens(): number {
    return this.tokensOff + this.count.tokens;
  }

  get lowerBound(): number {
    return this.lowerBoundOff + this.count.lowerBound;
  }

  get exact(): boolean {
    return this.exactBefore && this.count.exact;
  }

  /** Of the attempt at work. */
  get byCurrent(): number {
    return this.tokens - this.begin;
  }

  /** Another attempt says the rest; `batch` is what of its words so far is new to the client. */
  goOnWith(count: TokenCount, batch: EventBatch): void {
    const { tokens, lowerBound, exact } = this;
    const fresh = new TokenCounter();
    fresh.add(batch);
    // Of a delta that a joint has cut no target says how many tokens are left: they are guessed.
    this.tokensOff = tokens + Math.min(fresh.tokens, count.tokens) - count.tokens;
    this.lowerBoundOff = lowerBound + Math.min(fresh.lowerBound, count.lowerBound) - count.lowerBound;
    this.begin = tokens;
    this.exactBefore = exact && fresh.exact;
    this.count = count;
  }
}
