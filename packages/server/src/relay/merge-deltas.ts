import { createDeltaMerger, type DeltaMerger, isDelta } from '../domain/delta-merger.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';

/**
 * Merges neighbouring deltas of one kind. A slow reader gets fewer, larger events instead of a queue. It is called before
 * events are encoded: an encoder may number its payloads.
 */
export function mergeDeltas(batch: EventBatch): EventBatch {
  if (batch.length < 2) return batch;
  const merged: StreamEvent[] = [];
  let run: DeltaMerger | undefined;
  for (const event of batch) {
    if (run !== undefined && isDelta(event) && run.fits(event)) {
      run.add(event);
      continue;
    }
    if (run !== undefined) merged.push(run.event());
    run = isDelta(event) ? createDeltaMerger(event) : undefined;
    if (run === undefined) merged.push(event);
  }
  if (run !== undefined) merged.push(run.event());
  return merged;
}
