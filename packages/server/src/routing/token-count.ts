import { tokensOf } from '../domain/estimate-tokens.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';

/** Tokens of one attempt, counted as they come: the guard, takeovers and the attempt's record read this count. */
export interface TokenCount {
  /** Of text, reasoning, refusals and arguments; by the target's own count, else guessed by `tokensOf`. */
  readonly tokens: number;
  /** True while the target has counted every delta. */
  readonly exact: boolean;
  /** What the target has reported last. */
  readonly usage: Usage | undefined;
}

export class TokenCounter implements TokenCount {
  tokens = 0;
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
