import type { BatchReceiver } from '../domain/batches.ts';
import { bugFailure } from '../domain/bug-failure.ts';
import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch } from '../domain/stream-event.ts';
import { type Usage, type UsageEstimates, withEstimates } from '../domain/usage.ts';
import type { Source } from '../routing/source.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
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

/** What {@link createRelay} needs for one run. */
export interface RelayJob {
  readonly owner: RelayOwner;
  /** The batches, what targets have counted of them, and this server's own counts. */
  readonly events: EventStream & UsageEstimates & Pick<Source, 'reported'>;
  readonly rules: AnswerRules;
  /** Monotonic milliseconds. */
  readonly clock: Pick<TimerQueue, 'now'>;
  /** Gets every event that the consumer gets, for the operator's log. */
  readonly transcript: Transcript | undefined;
  readonly consumer: EventConsumer;
}

/** The run whose events are relayed. */
export interface RelayOwner {
  /** Called once, later than {@link Relay.start} returns: the loop has ended and has released the source. */
  relayed(outcome: RelayOutcome): void;
}

/** Takes the events that have passed the guard. Runs use the consumers of `answer.ts`. */
export interface EventConsumer {
  /**
   * Takes one event; `last` is true for the finish that makes the answer whole. Returns a promise only where the loop must
   * pause until it resolves: a promise for each event would cost more than the relaying itself.
   */
  take(event: GuardedEvent, last: boolean): Promise<void> | undefined;
  /** Several events follow at once: what is made of them may be written together. Absent: nothing is written before the end. */
  gather?(): void;
  /** Ends what `gather` began, whatever came in between. Returns a promise where the loop must pause. */
  flush?(): Promise<void> | undefined;
}

/** The relay of one run. */
export interface Relay {
  /** Begins to pull. Called once. */
  start(): void;
  /** The loop takes no more batches. The caller aborts the source, which ends a pull that waits. */
  stop(reason: StopReason): void;
  /** True once the ending is decided: there is nothing left to stop, and the source is being released. */
  readonly ended: boolean;
}

/**
 * Relays the batches of one source through the guard to the consumer, until the answer is whole or torn, or the run is
 * stopped. A bug on the way becomes `internal_error`. In the end it releases the source and calls `relayed` of its owner; a
 * bug in that release becomes the outcome's failure only where the outcome has none.
 *
 *     pull ──batch──▶ guard, consumer ──▶ pull …      a batch that comes within `pull` is taken in a loop, not by recursion
 *                        └ pause ──over──▶ the rest of the batch, merged
 *
 * The stages call each other: the read from the upstream's socket calls this loop, and the loop calls the write to the
 * client's socket. No promise is made for an event, unless the consumer asks for a pause, and none waits while the stream is
 * open: an asynchronous function that waits takes some 500 bytes.
 */
export function createRelay(job: RelayJob): Relay {
  return new RelayLoop(job);
}

/** The part of a run's outcome that the loop knows. */
export type RelayOutcome = Omit<RunOutcome, 'target' | 'attempts' | 'content'>;

interface Ending {
  readonly status: RunOutcome['status'];
  readonly reason?: Failure;
}

/** One object without closures of its own: an event costs as much as the objects that it touches (decisions/0006). */
class RelayLoop implements Relay, BatchReceiver, PassReceiver {
  private readonly owner: RelayOwner;
  private readonly events: RelayJob['events'];
  private readonly guard: AnswerGuard;
  private readonly consumer: EventConsumer;
  private readonly transcript: Transcript | undefined;
  private ttftMs: number | undefined;
  private pause: Promise<void> | undefined;
  private pulls = 0;
  /** True during the call of `pull`: a batch that comes before `pull` returns is left in `batchOfPull`. */
  private pulling = false;
  private batchOfPull: EventBatch | undefined;
  /** The merged rest of the current batch, kept so that a second pause does not merge the same events again. */
  private merged: EventBatch | undefined;
  ended = false;
  /** The run has it too; to read it there would touch the run at each event. */
  private stopReason: StopReason | undefined;

  private readonly clock: RelayJob['clock'];
  private readonly startedMs: number;

  constructor({ owner, events, rules, consumer, transcript, clock }: RelayJob) {
    this.owner = owner;
    this.events = events;
    this.consumer = consumer;
    this.transcript = transcript;
    this.clock = clock;
    this.startedMs = clock.now();
    this.guard = createAnswerGuard(rules, events, this);
  }

  start(): void {
    this.pullUntilWaiting();
  }

  stop(reason: StopReason): void {
    this.stopReason = reason;
  }

  batch(batch: EventBatch): void {
    if (this.pulling) this.batchOfPull = batch;
    else if (this.take(batch)) this.pullUntilWaiting();
  }

  end(): void {
    this.endWith(this.stopped() ?? this.torn(brokeOff()));
  }

  broke(bug: unknown): void {
    this.endWith(this.torn(bugFailure(bug)));
  }

  /** Ends the loop; only the first call has an effect. The release of the source may end a pull that waits, and so call it again. */
  private endWith(ending: Ending): void {
    if (this.ended) return;
    this.ended = true;
    void this.release(ending);
  }

  /** Never rejects: a bug becomes the failure of an outcome that has none. */
  private async release({ status, reason }: Ending): Promise<void> {
    let outcome: RelayOutcome = {
      status,
      ...(reason === undefined ? {} : { failure: reason }),
      ...(this.ttftMs === undefined ? {} : { ttftMs: this.ttftMs }),
    };
    try {
      const usage = this.guard.usage ?? this.estimate();
      if (usage !== undefined) outcome = { ...outcome, usage };
    } catch (bug) {
      outcome = { failure: bugFailure(bug), ...outcome };
    }
    try {
      await this.events.close();
    } catch (bug) {
      outcome = { failure: bugFailure(bug), ...outcome };
    }
    this.owner.relayed(outcome);
  }

  /** The usage of an answer that ended before its usage came: the tokens so far. Undefined before the commit. */
  private estimate(): Usage | undefined {
    return this.ttftMs === undefined ? undefined : withEstimates(this.events.reported(), this.events);
  }

  private torn(reason: Failure): Ending {
    return { status: this.ttftMs === undefined ? 'failed' : 'cut', reason };
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
      } catch (bug) {
        this.broke(bug);
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
      const ending = this.stopped() ?? this.takeTogether(batch, from);
      if (ending === undefined) return true;
      if (ending !== 'paused') this.endWith(ending);
    } catch (bug) {
      this.broke(bug);
    }
    return false;
  }

  /** Takes the events of a batch; several of them become one write. */
  private takeTogether(batch: EventBatch, from: number): Ending | 'paused' | undefined {
    if (batch.length - from <= 1) return this.takeEach(batch, from);
    this.consumer.gather?.();
    const ending = this.takeEach(batch, from);
    const pause = this.consumer.flush?.();
    if (ending !== undefined || pause === undefined) return ending;
    pause.then(() => this.takeFrom(batch, batch.length)).catch((bug: unknown) => this.broke(bug));
    return 'paused';
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
        this.pause.then(() => this.continueAfterPause(batch, i + 1)).catch((bug: unknown) => this.broke(bug));
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
    if (this.ttftMs === undefined && commits(event)) this.ttftMs = this.clock.now() - this.startedMs;
    this.transcript?.add(event);
    this.pause = this.consumer.take(event, event.type === 'finish' && this.guard.whole);
  }

  /** The ending of a run that was stopped meanwhile; undefined where it was not. */
  private stopped(): Ending | undefined {
    const { stopReason } = this;
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
