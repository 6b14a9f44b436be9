import { type BatchReceiver, pullFrom } from '../domain/batches.ts';
import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import { type AnswerRules, createAnswerGuard, type Passed } from './answer-guard.ts';
import { mergeDeltas } from './merge-deltas.ts';
import type { Run, RunOutcome } from './run.ts';
import type { Transcript } from './transcript.ts';

export interface Drive {
  readonly run: Run;
  readonly events: EventStream;
  readonly rules: AnswerRules;
  readonly now: () => number;
  /** Listens in, for the operator's log. */
  readonly transcript: Transcript | undefined;
  /**
   * Takes one event; `last` on the finish that makes the answer whole. Returns a promise only when it wants
   * a pause: one promise an event would cost more than the relaying itself.
   */
  take(event: Passed, last: boolean): Promise<void> | undefined;
}

/**
 * The one loop: batches of events → grammar guard → whoever takes them, until the answer is whole, torn or
 * unwanted. Never rejects; a bug on the way becomes `internal_error`. The events are released in any case.
 *
 *     pull ──batch──▶ guard, take ──▶ pull …          a batch at hand is taken in a loop, not by recursion
 *                        └ a pause ──over──▶ the rest of the batch, merged
 *
 * It is driven by calls: one that reads from a socket ends, on the other side of this loop, in the write to the
 * client's socket, and no promise is made on the way.
 */
export async function drive(job: Drive): Promise<RunOutcome> {
  const { events, now } = job;
  const startedMs = now();
  let ttftMs: number | undefined;
  let pause: Promise<void> | undefined;
  const guard = createAnswerGuard(job.rules, (event) => {
    if (ttftMs === undefined && commits(event)) ttftMs = now() - startedMs;
    job.transcript?.add(event);
    pause = job.take(event, guard.whole && event.type === 'finish');
  });

  const outcome = ({ status, reason }: Ending): RunOutcome => ({
    status,
    ...(reason === undefined ? {} : { failure: reason }),
    ...(guard.usage === undefined ? {} : { usage: guard.usage }),
    ...(ttftMs === undefined ? {} : { ttftMs }),
  });
  const torn = (reason: Failure): Ending => ({ status: ttftMs === undefined ? 'failed' : 'cut', reason });

  try {
    return outcome(await new Promise<Ending>(loop));
  } catch (error) {
    return outcome(torn(bug(error)));
  } finally {
    await events.return();
  }

  function loop(end: (ending: Ending) => void, fail: (bug: unknown) => void): void {
    let turns = 0;
    /** Inside `pull`: what it tells at once is left in `atHand`. */
    let pulling = false;
    let atHand: EventBatch | undefined;

    const receiver: BatchReceiver = {
      batch: (batch) => {
        if (pulling) atHand = batch;
        else if (take(batch)) pullOn();
      },
      end: () => end(stopped() ?? torn(brokeOff())),
      broke: fail,
    };

    /** Pulls until there is something to wait for. */
    function pullOn(): void {
      for (;;) {
        turns += 1;
        // A source that always has something at hand would keep everybody else from the event loop.
        if (turns % turnsBeforeYield === 0) {
          setImmediate(pullOn);
          return;
        }
        pulling = true;
        atHand = undefined;
        try {
          pullFrom(events, receiver);
        } catch (error) {
          fail(error);
          return;
        } finally {
          pulling = false;
        }
        if (atHand === undefined || !take(atHand)) return;
      }
    }

    /** False when nothing is to be pulled now: the end is told, or a pause is on. */
    function take(batch: EventBatch): boolean {
      try {
        const ending = stopped() ?? takeEach(batch);
        if (ending === 'paused') return false;
        if (ending !== undefined) end(ending);
        return ending === undefined;
      } catch (error) {
        fail(error);
        return false;
      }
    }

    /** Takes a batch up to its end, the answer's end, or a pause behind which the rest is taken. */
    function takeEach(batch: EventBatch): Ending | 'paused' | undefined {
      for (let i = 0; i < batch.length; i += 1) {
        const event = batch[i];
        if (event === undefined) break;
        if (event.type === 'failed') return torn(event.failure);
        const violation = guard.accept(event);
        if (violation !== undefined) return torn(outOfOrder(violation));
        if (guard.whole) return { status: 'completed' };
        if (pause === undefined) continue;
        const rest = batch.slice(i + 1);
        pause.then(() => {
          pause = undefined;
          if (take(mergeDeltas(rest))) pullOn();
        }, fail);
        return 'paused';
      }
      return undefined;
    }

    pullOn();
  }

  /** How it ends where somebody has stopped the run meanwhile. */
  function stopped(): Ending | undefined {
    const reason = job.run.stopReason();
    if (reason === undefined) return undefined;
    return reason.type === 'failed' ? torn(reason.failure) : { status: 'abandoned' };
  }
}

interface Ending {
  readonly status: RunOutcome['status'];
  readonly reason?: Failure;
}

/** At 2 µs a turn of a source that never waits, every clock and socket is served within a millisecond. */
const turnsBeforeYield = 256;

function outOfOrder(violation: string): Failure {
  return failure('upstream_protocol', `The upstream's answer is not in order: ${violation}.`, {
    detail: violation,
  });
}

function bug(error: unknown): Failure {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return failure('internal_error', 'Something went wrong inside the server. Its log says more.', { detail });
}
