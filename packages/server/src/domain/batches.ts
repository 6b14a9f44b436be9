import type { EventBatch } from './stream-event.ts';

/**
 * Whoever pulled, told by a call. The hot path of a relayed stream has no promises: each costs an event about
 * half a microsecond, and there would be one on every layer (docs/performance.md). Exactly one of the three
 * follows a pull, within it or later. They never throw: whoever handles a batch catches its own bugs.
 */
export interface BatchReceiver {
  batch(batch: EventBatch): void;
  /** There are no more. */
  end(): void;
  /** A bug on the way: where a promise would have been rejected. */
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

/** One pull as a promise, for everything that is not done once an event. */
export function pullOnce(from: Pullable): Promise<IteratorResult<EventBatch, undefined>> {
  return new Promise((resolve, reject) => {
    from.pull({
      batch: (value) => resolve({ done: false, value }),
      end: () => resolve({ done: true, value: undefined }),
      broke: reject,
    });
  });
}
