import type { EventBatch } from './stream-event.ts';

/**
 * Receives the batches that it pulls. A pull is answered by a call, within it or later, and by exactly one of the three. The
 * way of a relayed event has no promises: each costs about half a microsecond, and every stage would need one
 * (docs/performance.md). A receiver never throws: it catches its own bugs.
 */
export interface BatchReceiver {
  batch(batch: EventBatch): void;
  /** There are no more batches. */
  end(): void;
  /** A stage has thrown: here a promise would have been rejected. */
  broke(bug: unknown): void;
}

/** Where batches come from. One pull at a time; pulling is the back-pressure. */
export interface Pullable {
  pull(receiver: BatchReceiver): void;
}

/** Every batch, for what is read away from the hot path. The caller closes the stream. */
export async function* eachBatch(from: Pullable): AsyncGenerator<EventBatch, undefined, undefined> {
  for (let read = await pullOnce(from); read.done !== true; read = await pullOnce(from)) yield read.value;
}

/** One pull as a promise, for what happens once a request. */
export function pullOnce(from: Pullable): Promise<IteratorResult<EventBatch, undefined>> {
  return new Promise((resolve, reject) => {
    from.pull({
      batch: (value) => resolve({ done: false, value }),
      end: () => resolve({ done: true, value: undefined }),
      broke: reject,
    });
  });
}
