import type { StreamView } from '../journal/contract.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../timers/timer-queue.ts';

/** The news of a stream take some milliseconds to another replica, on busy machines more. */
const newsMs = 250;

/**
 * Waits for event `number` of a stream, of which a client says that it has this event: it may have it from another replica,
 * which knew of it before this one. Resolves when the event is there, the stream has ended or is broken, or 250 ms are over.
 */
export async function awaitEvent(view: StreamView, number: number, timers: TimerQueue): Promise<void> {
  const isDecided = () => number <= view.last || view.ending !== undefined || view.broken !== undefined;
  if (isDecided()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer: QueuedTimer = { dueMs: 0, place: notQueued, fire: resolve };
  timers.start(timer, newsMs);
  const leave = view.follow({
    own: false,
    more: () => {
      if (isDecided()) resolve();
    },
  });
  try {
    if (!isDecided()) await promise;
  } finally {
    timers.stop(timer);
    leave();
  }
}
