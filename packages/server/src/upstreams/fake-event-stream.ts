import type { EventBatch } from '../domain/stream-event.ts';
import type { EventStream } from './contract.ts';

/** A stream for tests: `next` returns the batch for each pull, and undefined at the end. */
export function fakeEventStream(
  next: () => Promise<EventBatch | undefined>,
  close: () => void = () => {},
): EventStream {
  return {
    pull(receiver) {
      next().then(
        (batch) => (batch === undefined ? receiver.end() : receiver.batch(batch)),
        (bug: unknown) => receiver.broke(bug),
      );
    },
    async close() {
      close();
    },
  };
}
