import type { JsonText, TokenLogprobWire } from '@tailrace/protocol';
import { tokensOf } from './estimate-tokens.ts';
import type { ReasoningDelta, RefusalDelta, StreamEvent, TextDelta, ToolCallDelta } from './stream-event.ts';
import { createTextPieces, type TextPieces } from './text-pieces.ts';

/** An event that adds escaped text to a choice. */
export type Delta = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta;

/**
 * Merges neighbouring deltas of one kind into one event: text, reasoning or a refusal of one choice, or the arguments of one
 * call. The event counts as many tokens as the deltas. Time and memory are linear in their number.
 */
export interface DeltaMerger {
  /** Whether a delta is of the same kind as those before it. Changes nothing. */
  fits(delta: Delta): boolean;
  /** Adds a delta that {@link fits}. */
  add(delta: Delta): void;
  /** All deltas as one event; a single delta is returned as it came. */
  event(): Delta;
}

/** Creates a merger with its first delta. */
export function createDeltaMerger(first: Delta): DeltaMerger {
  return new MergedDelta(first);
}

export function isDelta(event: StreamEvent): event is Delta {
  return 'json' in event;
}

class MergedDelta implements DeltaMerger {
  private readonly first: Delta;
  /** Created with the second delta, because most mergers get only one. */
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
    // The tokens of a delta without a count are estimated now: merged text would give another estimate.
    this.tokens += tokensOf(delta);
    if (delta.type !== 'text-delta' || delta.logprobs === undefined) return;
    this.logprobs ??= [];
    for (const one of delta.logprobs) this.logprobs.push(one);
  }
}
