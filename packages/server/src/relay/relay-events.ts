import type { BatchReceiver } from '../domain/batches.ts';
import { causeOfBug } from '../domain/cause.ts';
import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch } from '../domain/stream-event.ts';
import { type Usage, withEstimates } from '../domain/usage.ts';
import type { EventStream } from '../upstreams/contract.ts';
import {
  type AnswerGuard,
  type AnswerRules,
  createAnswerGuard,
  type GuardedEvent,
  type PassReceiver,
} from './answer-guard.ts';
import { mergeDeltas } from './merge-deltas.ts';
import type { RunOutcome } from './run-outcome.ts';
import { outcomeOfStop, type StopReason } from './stop-reason.ts';
import type { Transcript } from './transcript.ts';

/** What {@link relayEvents} needs for one run. */
export interface RelayJob {
  /** Its `stopReason` is read before each batch: once it is set, the loop takes no more batches. */
  readonly run: { readonly stopReason: StopReason | undefined };
  readonly events: EventStream;
  readonly rules: AnswerRules;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Gets every event that the consumer gets, for the operator's log. */
  readonly transcript: Transcript | undefined;
  readonly consumer: EventConsumer;
}

/** Takes the events that have passed the guard. Runs use the consumers of `answer.ts`. */
export interface EventConsumer {
  /**
   * Takes one event; `last` is true for the finish that makes the answer whole. Returns a promise only where the loop must
   * pause until it resolves: a promise for each event would cost more than the relaying itself.
   */
  take(event: GuardedEvent, last: boolean): Promise<void> | undefined;
}

/**
 * Relays the batches of one source through the guard to the consumer, until the answer is whole or torn, or the run is
 * stopped. Never rejects: a bug on the way becomes `internal_error`. In the end it releases the source; a bug in that
 * release becomes the outcome's failure only where the outcome has none.
 *
 *     pull ──batch──▶ guard, consumer ──▶ pull …      a batch that comes within `pull` is taken in a loop, not by recursion
 *                        └ pause ──over──▶ the rest of the batch, merged
 *
 * The stages call each other: the read from the upstream's socket calls this loop, and the loop calls the write to the
 * client's socket. No promise is made for an event, unless the consumer asks for a pause.
 */
export async function relayEvents(job: RelayJob): Promise<RelayOutcome> {
  const loop = new RelayLoop(job);
  let outcome: RelayOutcome;
  try {
    outcome = loop.outcome(await loop.runToEnd());
  } catch (error) {
    outcome = loop.outcome(loop.torn(bugFailure(error)));
  }
  try {
    await job.events.close();
  } catch (error) {
    return { failure: bugFailure(error), ...outcome };
  }
  return outcome;
}

/** The part of a run's outcome that the loop knows. */
export type RelayOutcome = Omit<RunOutcome, 'target' | 'attempts' | 'content'>;

interface Ending {
  readonly status: RunOutcome['status'];
  readonly reason?: Failure;
}

/** One object without closures of its own: an event costs as much as the objects that it touches (decisions/0006). */
class RelayLoop implements BatchReceiver, PassReceiver {
  private readonly events: EventStream;
  private readonly run: RelayJob['run'];
  private readonly guard: AnswerGuard;
  private readonly consumer: EventConsumer;
  private readonly rules: AnswerRules;
  private readonly transcript: Transcript | undefined;
  private ttftMs: number | undefined;
  private pause: Promise<void> | undefined;
  private pulls = 0;
  /** True during the call of `pull`: a batch that comes before `pull` returns is left in `batchOfPull`. */
  private pulling = false;
  private batchOfPull: EventBatch | undefined;
  /** The merged rest of the current batch, kept so that a second pause does not merge the same events again. */
  private merged: EventBatch | undefined;

  private readonly now: () => number;
  private readonly startedMs: number;
  private settle: (ending: Ending) => void = () => {};
  private fail: (bug: unknown) => void = () => {};

  constructor({ events, run, rules, consumer, transcript, now }: RelayJob) {
    this.events = events;
    this.run = run;
    this.consumer = consumer;
    this.rules = rules;
    this.transcript = transcript;
    this.now = now;
    this.startedMs = now();
    this.guard = createAnswerGuard(rules, this);
  }

  runToEnd(): Promise<Ending> {
    return new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
      this.pullUntilWaiting();
    });
  }

  outcome({ status, reason }: Ending): RelayOutcome {
    const usage = this.guard.usage ?? this.estimate();
    return {
      status,
      ...(reason === undefined ? {} : { failure: reason }),
      ...(usage === undefined ? {} : { usage }),
      ...(this.ttftMs === undefined ? {} : { ttftMs: this.ttftMs }),
    };
  }

  /** The usage of an answer that ended before its usage came: the tokens so far. Undefined before the commit. */
  private estimate(): Usage | undefined {
    return this.ttftMs === undefined ? undefined : withEstimates(undefined, this.rules);
  }

  torn(reason: Failure): Ending {
    return { status: this.ttftMs === undefined ? 'failed' : 'cut', reason };
  }

  batch(batch: EventBatch): void {
    if (this.pulling) this.batchOfPull = batch;
    else if (this.take(batch)) this.pullUntilWaiting();
  }

  end(): void {
    this.settle(this.stopped() ?? this.torn(brokeOff()));
  }

  broke(bug: unknown): void {
    this.fail(bug);
  }

  /** Pulls and takes batches until a pull has to wait. */
  private pullUntilWaiting(): void {
    for (;;) {
      this.pulls += 1;
      // A source that never waits would keep other requests from the event loop.
      if (this.pulls % pullsBeforeYield === 0) {
        setImmediate(() => this.pullUntilWaiting());
        return;
      }
      this.pulling = true;
      try {
        this.events.pull(this);
      } catch (error) {
        this.fail(error);
        return;
      } finally {
        this.pulling = false;
      }
      const { batchOfPull } = this;
      if (batchOfPull === undefined) return;
      this.batchOfPull = undefined;
      if (!this.take(batchOfPull)) return;
    }
  }

  /** Returns false where the loop must not pull now: it has ended, or it pauses. */
  private take(batch: EventBatch, from = 0): boolean {
    try {
      const ending = this.stopped() ?? this.takeEach(batch, from);
      if (ending === undefined) return true;
      if (ending !== 'paused') this.settle(ending);
    } catch (error) {
      this.fail(error);
    }
    return false;
  }

  /**
   * Takes the events of a batch. It stops when the answer ends, when the consumer asks for a pause, and after
   * `eventsPerTurn` events, so that the event loop can serve other sockets. After a pause `takeFrom` continues with the
   * rest. Undefined: the whole batch is taken.
   */
  private takeEach(batch: EventBatch, from: number): Ending | 'paused' | undefined {
    const { guard } = this;
    for (let i = from; i < batch.length; i += 1) {
      const event = batch[i];
      if (event === undefined) break;
      if (event.type === 'failed') return this.torn(event.failure);
      const violation = guard.accept(event);
      if (violation !== undefined) return this.torn(outOfOrder(violation));
      if (guard.whole) return { status: 'completed' };
      if (this.pause !== undefined) {
        this.pause.then(() => this.continueAfterPause(batch, i + 1)).catch(this.fail);
        return 'paused';
      }
      if (i - from >= eventsPerTurn) {
        setImmediate(() => this.takeFrom(batch, i + 1));
        return 'paused';
      }
    }
    return undefined;
  }

  /** Takes the rest of a batch after a pause of the consumer. */
  private continueAfterPause(batch: EventBatch, next: number): void {
    this.pause = undefined;
    if (batch === this.merged) this.takeFrom(batch, next);
    else {
      this.merged = mergeDeltas(batch.slice(next));
      this.takeFrom(this.merged, 0);
    }
  }

  private takeFrom(batch: EventBatch, from: number): void {
    if (!this.take(batch, from)) return;
    this.merged = undefined;
    this.pullUntilWaiting();
  }

  /** Called by the guard, for each event that it passes on. */
  pass(event: GuardedEvent): void {
    if (this.ttftMs === undefined && commits(event)) this.ttftMs = this.now() - this.startedMs;
    this.transcript?.add(event);
    this.pause = this.consumer.take(event, event.type === 'finish' && this.guard.whole);
  }

  /** The ending of a run that was stopped meanwhile; undefined where it was not. */
  private stopped(): Ending | undefined {
    const { stopReason } = this.run;
    return stopReason === undefined ? undefined : outcomeOfStop(stopReason, this.ttftMs !== undefined);
  }
}

/**
 * Events of one batch that are taken in one turn of the event loop. Each is a write to a socket, which takes 10 to 25 µs, and
 * one read of an upstream may hold thousands of events: in the fuzz campaign such a batch blocked the event loop for 0.26 s.
 */
const eventsPerTurn = 256;

/** A pull of a source that never waits takes 2 µs: timers and other sockets wait less than a millisecond. */
const pullsBeforeYield = 256;

function outOfOrder(violation: string): Failure {
  return failure('upstream_protocol', `The upstream's answer is not in order: ${violation}.`, {
    detail: violation,
  });
}

/** The failure for a bug. Its message names nothing of the bug; its cause is for the log. */
export function bugFailure(error: unknown): Failure {
  const message = 'Something went wrong inside the server. Its log says more.';
  return failure('internal_error', message, causeOfBug(error));
}
