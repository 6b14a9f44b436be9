import { eventSize, maxWholeAnswer, sizeOf, wholeAnswerTooLarge } from '../domain/answer-size.ts';
import { createDeltaMerger, type DeltaMerger, isDelta } from '../domain/delta-merger.ts';
import { brokeOff } from '../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { type Attempt, nextBatch } from './attempt.ts';

/**
 * Makes an attempt that commits only when its answer is complete. A client that does not stream waits for the whole answer
 * anyway, and so failover stays possible until the end. `stallTimeout` is read before each wait, in milliseconds; `onBegun`
 * is called when the given attempt commits.
 */
export function commitWhenComplete(
  attempt: Attempt,
  choices: number,
  stallTimeout: () => number,
  onBegun: () => void,
): Attempt {
  return {
    commit: async () => {
      const begun = await attempt.commit();
      if (begun === 'aborted' || 'failure' in begun) return begun;
      onBegun();
      const held = createHeldAnswer();
      let unfinished = choices;
      for (let batch = begun.batch; ; ) {
        for (const event of batch) {
          if (event.type === 'failed') return { failure: event.failure };
          if (event.type === 'finish') unfinished -= 1;
          held.add(event);
        }
        if (held.size > maxWholeAnswer) return { failure: wholeAnswerTooLarge() };
        if (unfinished === 0) return { batch: held.events() };
        const next = await nextBatch(attempt, stallTimeout());
        if (next === undefined) return attempt.stopped() ? 'aborted' : { failure: brokeOff() };
        batch = next;
      }
    },
    pull: (_, receiver) => receiver.end(),
    stopped: () => attempt.stopped(),
    count: attempt.count,
    close: () => attempt.close(),
  };
}

/** The events of an answer in their order; neighbouring deltas of one choice are merged. */
interface HeldAnswer {
  add(event: StreamEvent): void;
  /** See {@link maxWholeAnswer}. */
  readonly size: number;
  events(): EventBatch;
}

function createHeldAnswer(): HeldAnswer {
  const held: (StreamEvent | DeltaMerger)[] = [];
  /** The last merger of each choice: deltas of other choices may come between two deltas of one choice. */
  const mergers = new Map<number, DeltaMerger>();
  let size = 0;

  return {
    add(event) {
      size += sizeOf(event);
      const merger = 'choice' in event ? mergers.get(event.choice) : undefined;
      if (merger !== undefined && isDelta(event) && merger.fits(event)) {
        merger.add(event);
        return;
      }
      size += eventSize;
      if (isDelta(event)) {
        const created = createDeltaMerger(event);
        mergers.set(event.choice, created);
        held.push(created);
        return;
      }
      if ('choice' in event) mergers.delete(event.choice);
      held.push(event);
    },
    get size() {
      return size;
    },
    events: () => held.map((one) => ('fits' in one ? one.event() : one)),
  };
}
