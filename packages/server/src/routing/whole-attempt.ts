import { brokeOff, failure } from '../domain/failure.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { type Attempt, nextBatch } from './attempt.ts';

/** An answer that does not stream is held whole, so it has a bound: characters, as they are escaped. */
const maxHeldCharacters = 64 * 1024 * 1024;

/**
 * An attempt that commits only when its answer is complete: what a client that does not stream waits for
 * anyway, and failover stays possible until then. `patienceMs` is asked before each wait,
 * `onBegun` told of the first token.
 */
export function holdWhole(
  attempt: Attempt,
  choices: number,
  patienceMs: () => number,
  onBegun: () => void,
): Attempt {
  return {
    commit: async () => {
      const begun = await attempt.commit();
      if (begun === 'aborted' || 'failure' in begun) return begun;
      onBegun();
      const held: StreamEvent[] = [];
      let characters = 0;
      let unfinished = choices;
      for (let batch = begun.batch; ; ) {
        for (const event of batch) {
          if (event.type === 'failed') return { failure: event.failure };
          if (event.type === 'finish') unfinished -= 1;
          if ('json' in event) characters += event.json.length;
          held.push(event);
        }
        if (unfinished === 0) return { batch: held };
        if (characters > maxHeldCharacters) return { failure: tooLarge() };
        const next = await nextBatch(attempt, patienceMs());
        if (next === undefined) return attempt.stopped() ? 'aborted' : { failure: brokeOff() };
        batch = next;
      }
    },
    pull: (_, receiver) => receiver.end(),
    stopped: () => attempt.stopped(),
    close: () => attempt.close(),
  };
}

function tooLarge() {
  const message = `The answer is larger than the ${maxHeldCharacters} characters held for one that does not stream.`;
  return failure('upstream_protocol', message, { permanent: true });
}
