import { joinJsonText } from '@tailrace/protocol';
import { tokensOf } from '../domain/estimate-tokens.ts';
import type { EventBatch, StreamEvent, TextDelta } from '../domain/stream-event.ts';

/**
 * Joins neighbouring text deltas of one choice. A reader that cannot keep up gets fewer, larger events
 * instead of a queue; only the batch in hand is merged, before anything is numbered or encoded.
 */
export function mergeDeltas(batch: EventBatch): EventBatch {
  if (batch.length < 2) return batch;
  const merged: StreamEvent[] = [];
  for (const event of batch) {
    const last = merged.at(-1);
    if (event.type === 'text-delta' && last?.type === 'text-delta' && last.choice === event.choice) {
      merged[merged.length - 1] = joinDeltas(last, event);
    } else merged.push(event);
  }
  return merged;
}

function joinDeltas(left: TextDelta, right: TextDelta): TextDelta {
  const { logprobs: _, ...both } = { ...left, json: joinJsonText(left.json, right.json) };
  const told = left.logprobs !== undefined || right.logprobs !== undefined;
  return {
    ...both,
    // What says nothing of its tokens is estimated now, as it would have been by itself.
    tokens: tokensOf(left) + tokensOf(right),
    ...(told ? { logprobs: [...(left.logprobs ?? []), ...(right.logprobs ?? [])] } : {}),
  };
}
