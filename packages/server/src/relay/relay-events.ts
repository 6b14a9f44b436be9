import type { BatchReceiver } from '../domain/batches.ts';
import { causeOfBug } from '../domain/cause.ts';
import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';
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

export interface RelayJob {
  /** Read before each batch: a run that was stopped takes no more. */
  readonly run: { readonly stopReason: StopReason | undefined };
  readonly events: EventStream;
  readonly rules: AnswerRules;
  readonly now: () => number;
  /** Listens in, for the operator's log. */
  readonly transcript: Transcript | undefined;
  readonly consumer: EventConsumer;
}

/** Takes what the guard lets through: `answer.ts`. */
export interface EventConsumer {
  /**
   * Takes one event; `last` on the finish that makes the answer whole. Returns a promise only when it wants
   * a pause: one promise an event would cost more than the relaying itself.
   */
  take(event: GuardedEvent, last: boolean): Promise<void> | undefined;
}

/**
 * The one loop: batches of events → grammar guard → the consumer, until the answer is whole, torn or
 * unwanted. A bug on the way becomes `internal_error`. The events are released in any case; a bug in that is told beside
 * the outcome, which it cannot change. Never rejects.
 *
 *     pull ──batch──▶ guard, take ──▶ pull …          a batch at hand is taken in a loop, not by recursion
 *                        └ a pause ──over──▶ the rest of the batch, merged
 *
 * It is driven by calls: one that reads from a socket ends, on the other side of this loop, in the write to the
 * client's socket, and no promise is made on the way.
 */
export async function relayEvents(job: RelayJob): Promise<RelayOutcome> {
  const loop = new RelayLoop(job);
  let outcome: RelayOutcome;
  try {
    outcome = loop.outcome(await loop.ended());
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

export type RelayOutcome = Omit<RunOutcome, 'target' | 'attempts' | 'content'>;

interface Ending {
  readonly status: RunOutcome['status'];
  readonly reason?: Failure;
}

/** One object, with no function of its own: what an event touches is what it costs (decisions/0006). */
class RelayLoop implements BatchReceiver, PassReceiver {
  private readonly events: EventStream;
  private readonly run: RelayJob['run'];
  private readonly guard: AnswerGuard;
  private readonly consumer: EventConsumer;
  private readonly rules: AnswerRules;
  private readonly transcript: Transcript | undefined;
  private ttftMs: number | undefined;
  private pause: Promise<void> | undefined;
  private turns = 0;
  /** Inside `pull`: what it tells at once is left in `atHand`. */
  private pulling = false;
  private atHand: EventBatch | undefined;
  /** The batch that a slow reader takes piece by piece: merged once, for each pause would merge it again. */
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

  ended(): Promise<Ending> {
    return new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
      this.pullOn();
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

  /** Of an answer that did not come to its usage: what had come until then. */
  private estimate(): Usage | undefined {
    if (this.ttftMs === undefined) return undefined;
    const { promptTokens, completionTokens } = this.rules;
    return { promptTokens: promptTokens(), completionTokens: completionTokens(), estimated: true };
  }

  torn(reason: Failure): Ending {
    return { status: this.ttftMs === undefined ? 'failed' : 'cut', reason };
  }

  batch(batch: EventBatch): void {
    if (this.pulling) this.atHand = batch;
    else if (this.take(batch)) this.pullOn();
  }

  end(): void {
    this.settle(this.stopped() ?? this.torn(brokeOff()));
  }

  broke(bug: unknown): void {
    this.fail(bug);
  }

  /** Pulls until there is something to wait for. */
  private pullOn(): void {
    for (;;) {
      this.turns += 1;
      // A source that always has something at hand would keep everybody else from the event loop.
      if (this.turns % turnsBeforeYield === 0) {
        setImmediate(() => this.pullOn());
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
      const { atHand } = this;
      if (atHand === undefined) return;
      this.atHand = undefined;
      if (!this.take(atHand)) return;
    }
  }

  /** False when nothing is to be pulled now: the loop has its ending, or a pause is on. */
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

  /** Takes a batch up to its end, the answer's end, or a pause behind which the rest is taken: for the reader, or the loop. */
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
        this.pause.then(() => this.takeRest(batch, i + 1)).catch(this.fail);
        return 'paused';
      }
      if (i - from >= eventsATurn) {
        setImmediate(() => this.takeFrom(batch, i + 1));
        return 'paused';
      }
    }
    return undefined;
  }

  /** Behind the reader's pause. */
  private takeRest(batch: EventBatch, next: number): void {
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
    this.pullOn();
  }

  /** What the guard lets through. */
  pass(event: GuardedEvent): void {
    if (this.ttftMs === undefined && commits(event)) this.ttftMs = this.now() - this.startedMs;
    this.transcript?.add(event);
    this.pause = this.consumer.take(event, event.type === 'finish' && this.guard.whole);
  }

  /** How it ends where the run was stopped meanwhile. */
  private stopped(): Ending | undefined {
    const { stopReason } = this.run;
    return stopReason === undefined ? undefined : outcomeOfStop(stopReason, this.ttftMs !== undefined);
  }
}

/**
 * Of one batch: each is a write to a socket, at 10 to 25 µs. One read of an upstream may hold thousands of events: in a
 * profile of the fuzz campaign such writes took the event loop for 0.26 s.
 */
const eventsATurn = 256;

/** At 2 µs a turn of a source that never waits, every clock and socket is served within a millisecond. */
const turnsBeforeYield = 256;

function outOfOrder(violation: string): Failure {
  return failure('upstream_protocol', `The upstream's answer is not in order: ${violation}.`, {
    detail: violation,
  });
}

export function bugFailure(error: unknown): Failure {
  const message = 'Something went wrong inside the server. Its log says more.';
  return failure('internal_error', message, causeOfBug(error));
}
