import type { EventBatch } from './stream-event.ts';

/**
 * Receives the batches that it pulls. Each pull is answered by exactly one call of `batch`, `end` or `broke`, before `pull`
 * returns or later. No stage makes a promise for a relayed event: a promise costs about half a microsecond, and each stage
 * would need one (docs/performance.md). A receiver never throws: it catches its own bugs.
 */
export interface BatchReceiver {
  batch(batch: EventBatch): void;
  /** There are no more batches. */
  end(): void;
  /** A stage has thrown an error. This call takes the place of a rejected promise. */
  broke(bug: unknown): void;
}

/** Where batches come from. One pull at a time; pulling is the back-pressure. */
export interface Pullable {
  pull(receiver: BatchReceiver): void;
}

/** Yields every batch. For code that is not on the hot path. The caller closes the stream. */
export async function* eachBatch(from: Pullable): AsyncGenerator<EventBatch, undefined, undefined> {
  for (let read = await pullOnce(from); read.done !== true; read = await pullOnce(from)) yield read.value;
}

/** One pull as a promise, for work that is done once for each request. */
export function pullOnce(from: Pullable): Promise<IteratorResult<EventBatch, undefined>> {
  return new Promise((resolve, reject) => {
    from.pull({
      batch: (value) => resolve({ done: false, value }),
      end: () => resolve({ done: true, value: undefined }),
      broke: reject,
    });
  });
}
