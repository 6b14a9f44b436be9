import { setImmediate as yieldToLoop } from 'node:timers/promises';
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
 */
export async function drive(job: Drive): Promise<RunOutcome> {
  const { run, events } = job;
  const startedMs = job.now();
  let ttftMs: number | undefined;
  let pause: Promise<void> | undefined;
  const guard = createAnswerGuard(job.rules, (event) => {
    if (ttftMs === undefined && commits(event)) ttftMs = job.now() - startedMs;
    job.transcript?.add(event);
    pause = job.take(event, guard.whole && event.type === 'finish');
  });

  const outcome = (status: RunOutcome['status'], reason?: Failure): RunOutcome => ({
    status,
    ...(reason === undefined ? {} : { failure: reason }),
    ...(guard.usage === undefined ? {} : { usage: guard.usage }),
    ...(ttftMs === undefined ? {} : { ttftMs }),
  });
  const torn = (reason: Failure) => outcome(ttftMs === undefined ? 'failed' : 'cut', reason);

  try {
    for (let turns = 1; ; turns += 1) {
      // A source that always has something at hand would keep everybody else from the event loop.
      if (turns % turnsBeforeYield === 0) await yieldToLoop();
      const { done, value } = await events.next();
      const stopped = run.stopReason();
      if (stopped?.type === 'failed') return torn(stopped.failure);
      if (stopped !== undefined) return outcome('abandoned');
      if (done === true) return torn(brokeOff());

      let batch: EventBatch = value;
      for (let i = 0; i < batch.length; i += 1) {
        const event = batch[i];
        if (event === undefined) break;
        if (event.type === 'failed') return torn(event.failure);
        const violation = guard.accept(event);
        if (violation !== undefined) return torn(outOfOrder(violation));
        if (guard.whole) return outcome('completed');
        if (pause === undefined) continue;
        await pause;
        pause = undefined;
        if (run.signal.aborted) break;
        batch = mergeDeltas(batch.slice(i + 1));
        i = -1;
      }
    }
  } catch (error) {
    return torn(bug(error));
  } finally {
    await events.return();
  }
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
