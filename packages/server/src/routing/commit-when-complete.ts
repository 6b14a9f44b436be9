import { eventSize, maxWholeAnswer, sizeOf, wholeAnswerTooLarge } from '../domain/answer-size.ts';
import { createDeltaMerger, type DeltaMerger, isDelta } from '../domain/delta-merger.ts';
import { brokeOff } from '../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { type Attempt, nextBatch } from './attempt.ts';

/**
 * An attempt that commits only when its answer is complete: what a client that does not stream waits for
 * anyway, and failover stays possible until then. `timeoutMs` is asked before each wait,
 * `onBegun` told of the first token.
 */
export function commitWhenComplete(
  attempt: Attempt,
  choices: number,
  timeoutMs: () => number,
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
        const next = await nextBatch(attempt, timeoutMs());
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

/** What a target has said so far, in the order in which it said it; what one choice says in a row is one event. */
interface HeldAnswer {
  add(event: StreamEvent): void;
  /** See {@link maxWholeAnswer}. */
  readonly size: number;
  events(): EventBatch;
}

function createHeldAnswer(): HeldAnswer {
  const held: (StreamEvent | DeltaMerger)[] = [];
  /** What each choice says at present: choices come in turns, and one does not interrupt the other. */
  const runs = new Map<number, DeltaMerger>();
  let size = 0;

  return {
    add(event) {
      size += sizeOf(event);
      const run = 'choice' in event ? runs.get(event.choice) : undefined;
      if (run !== undefined && isDelta(event) && run.fits(event)) {
        run.add(event);
        return;
      }
      size += eventSize;
      if (isDelta(event)) {
        const begun = createDeltaMerger(event);
        runs.set(event.choice, begun);
        held.push(begun);
        return;
      }
      if ('choice' in event) runs.delete(event.choice);
      held.push(event);
    },
    get size() {
      return size;
    },
    events: () => held.map((one) => ('fits' in one ? one.event() : one)),
  };
}
