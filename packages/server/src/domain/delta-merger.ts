import type { JsonText, TokenLogprobWire } from '@tailrace/protocol';
import { tokensOf } from './estimate-tokens.ts';
import type { ReasoningDelta, RefusalDelta, StreamEvent, TextDelta, ToolCallDelta } from './stream-event.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

export type Delta = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta;

/**
 * Neighbouring deltas of one kind that become one event: text, thoughts or a refusal of one choice, or arguments of
 * one call. It counts as many tokens as they did one by one. Time and memory are linear, however many there are.
 */
export interface DeltaMerger {
  /** Whether a delta is of the same kind as those before it; nothing changes. */
  fits(delta: Delta): boolean;
  add(delta: Delta): void;
  /** All of them as one; the only one as it came. */
  event(): Delta;
}

export function createDeltaMerger(first: Delta): DeltaMerger {
  return new MergedDelta(first);
}

export function isDelta(event: StreamEvent): event is Delta {
  return 'json' in event;
}

class MergedDelta implements DeltaMerger {
  private readonly first: Delta;
  /** Made with the second delta: most have none. */
  private texts: TextPieces<JsonText> | undefined;
  private tokens = 0;
  private logprobs: TokenLogprobWire[] | undefined;

  constructor(first: Delta) {
    this.first = first;
  }

  fits(delta: Delta): boolean {
    const { first } = this;
    if (delta.type !== first.type || delta.choice !== first.choice) return false;
    return (
      delta.type !== 'tool-call-delta' || first.type !== 'tool-call-delta' || delta.index === first.index
    );
  }

  add(delta: Delta): void {
    if (this.texts === undefined) {
      this.texts = createTextPieces<JsonText>();
      this.take(this.first, this.texts);
    }
    this.take(delta, this.texts);
  }

  event(): Delta {
    const { first, texts, tokens, logprobs } = this;
    if (texts === undefined) return first;
    const json = texts.join();
    if (first.type !== 'text-delta' || logprobs === undefined) return { ...first, json, tokens };
    return { ...first, json, tokens, logprobs };
  }

  private take(delta: Delta, texts: TextPieces<JsonText>): void {
    texts.add(delta.json);
    // What says nothing of its tokens is estimated now, as it would have been by itself.
    this.tokens += tokensOf(delta);
    if (delta.type !== 'text-delta' || delta.logprobs === undefined) return;
    this.logprobs ??= [];
    for (const one of delta.logprobs) this.logprobs.push(one);
  }
}
