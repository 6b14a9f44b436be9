import { type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import type { Usage } from '../domain/usage.ts';
import type { EventStream, UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, openAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { blameOf, countsAgainstHealth } from './blame.ts';
import { type Continuation, continueWith, isSpent } from './continuation.ts';
import { createDelivered } from './delivered.ts';
import type { Health, Visit } from './health.ts';
import { enter, firstDone, pause, type Racer } from './race.ts';
import { takeoverMode } from './takeover-mode.ts';

/**
 * One answer, however many targets it took: a single sequence of batches whose first one is the commit.
 * What failed before the commit was invisible, and so is a cut after it that somebody could take over; when
 * nobody can go on, the last event is `failed`. The relay sees this and nothing of targets.
 *
 *     racing ──first delta──▶ relaying ──cut, stall──▶ taking over ──new delta──▶ relaying
 *        └ nobody left ─▶ failed  └ finish ─▶ whole        └ nobody left ─▶ failed
 */
export interface Source extends EventStream {
  /** Who serves, known from the first batch on. */
  served(): Served | undefined;
  /** Every target asked so far, for the log and later the usage record. */
  attempts(): readonly AttemptRecord[];
  /** How often an answer begun by one target was gone on with by another. */
  takeovers(): number;
}

export interface Served {
  /** The public id of the fallback that began the answer; absent where it is the model that was asked for. */
  readonly fellBackTo?: string;
  /** Upstream and model there, `lab/llama-3.1-8b`. */
  readonly target: string;
}

export interface AttemptRecord {
  readonly target: string;
  readonly mode: 'first' | 'hedge' | 'prefix' | 'replay';
  outcome: 'open' | 'served' | 'failed' | 'lost' | 'aborted';
  failure?: Failure;
}

export interface SourceDeps {
  readonly machine: AttemptMachine;
  readonly health: Health;
  readonly signal: AbortSignal;
  /** Told of every target that is asked, as it is asked. */
  onAttempt(target: string): void;
  /** Told once, at the commit, who is warm for the next turn of this chat. */
  onCommit(candidate: Candidate): void;
}

/** Without anybody to take over, a stream that still might come is worth at least this much patience. */
const minStallMs = 30_000;

type Call = Omit<UpstreamCall, 'model'>;

/** A target at work: its attempt, its line in the record, its visit in the health book. */
interface Work {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly visit: Visit;
  readonly continuation: Continuation | undefined;
}

export function openSource(call: Call, { machine, health, signal, onAttempt, onCommit }: SourceDeps): Source {
  const { request } = call;
  const attempts: AttemptRecord[] = [];
  const delivered = createDelivered();
  const works = new Map<Attempt, Work>();
  let current: Work | undefined;
  let served: Served | undefined;
  let takeovers = 0;
  let unfinished = request.n;
  let ended = false;
  /** Whether somebody could go on now; asked anew when the answer turns into something nobody can resume. */
  let mayResume: boolean | undefined;
  /** A failure that came behind events of its own batch: those go out first. */
  let cutPending: Failure | undefined;

  const suits = (candidate: Candidate) => takeoverMode(candidate, request, delivered) !== 'none';

  function open(candidate: Candidate, mode: AttemptRecord['mode'], continuation?: Continuation): Work {
    const record: AttemptRecord = { target: candidate.target.name, mode, outcome: 'open' };
    attempts.push(record);
    onAttempt(record.target);
    const visit = health.begin(candidate.target);
    const attempt = openAttempt(candidate, continuation?.call ?? call, candidate.model.timeouts, signal);
    const work: Work = { candidate, attempt, record, visit, continuation };
    works.set(attempt, work);
    return work;
  }

  async function close(work: Work, outcome: AttemptRecord['outcome'], reason?: Failure): Promise<void> {
    if (!works.delete(work.attempt)) return;
    work.record.outcome = outcome;
    if (reason !== undefined) {
      work.record.failure = reason;
      if (countsAgainstHealth(reason.code)) work.visit.failed();
    }
    work.visit.end();
    await work.attempt.close();
  }

  async function closeAll(outcome: AttemptRecord['outcome']): Promise<void> {
    for (const work of [...works.values()]) await close(work, outcome);
  }

  /** Asks targets until one commits. Undefined: the run was stopped meanwhile. */
  async function race(): Promise<EventBatch | { readonly failure: Failure } | undefined> {
    const racers: Racer[] = [];
    let hedged = false;
    const start = (candidate: Candidate, mode: AttemptRecord['mode']) =>
      racers.push(enter(candidate, open(candidate, mode).attempt));

    for (;;) {
      if (racers.length === 0) {
        const action = machine.next();
        if (action.type === 'exhausted') return { failure: action.failure };
        await pause(action.afterMs, signal);
        if (signal.aborted) return undefined;
        start(action.candidate, 'first');
      }
      const hedgeAfterMs = hedged ? undefined : racers[0]?.candidate.model.timeouts.hedgeAfterMs;
      const done = await firstDone(racers, hedgeAfterMs);
      if (done === 'late') {
        hedged = true;
        const beside = machine.hedge();
        if (beside !== undefined) start(beside, 'hedge');
        continue;
      }
      const { racer, result } = done;
      const work = works.get(racer.attempt);
      if (work === undefined || result === 'aborted' || signal.aborted) return undefined;
      if ('failure' in result) {
        racers.splice(racers.indexOf(racer), 1);
        await close(work, 'failed', result.failure);
        machine.failed(racer.candidate, result.failure);
        if (blameOf(result.failure.code) !== 'caller') continue;
        await closeAll('aborted');
        return { failure: result.failure };
      }
      works.delete(work.attempt);
      await closeAll('lost');
      works.set(work.attempt, work);
      takeOn(work);
      return result.batch;
    }
  }

  function takeOn(work: Work): void {
    work.visit.answered();
    work.record.outcome = 'served';
    current = work;
  }

  async function firstBatch(): Promise<EventBatch | undefined> {
    const outcome = await race();
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) {
      ended = true;
      return [{ type: 'failed', failure: outcome.failure }];
    }
    const { candidate } = current ?? never();
    served = {
      target: candidate.target.name,
      ...(candidate.fallback ? { fellBackTo: candidate.model.id } : {}),
    };
    onCommit(candidate);
    return passOn(outcome);
  }

  /** Notes what the client is about to see, and keeps a failure at the end of a batch for the next turn. */
  function passOn(batch: EventBatch): EventBatch {
    const torn = batch.findIndex((event) => event.type === 'failed');
    const failed = torn < 0 ? undefined : batch[torn];
    if (failed?.type === 'failed') cutPending = failed.failure;
    const whole = torn < 0 ? batch : batch.slice(0, torn);
    for (const event of whole) {
      delivered.add(event);
      if (event.type === 'finish') unfinished -= 1;
    }
    if (unfinished === 0) ended = true;
    const prefixTokens = current?.continuation?.prefixTokens ?? 0;
    return prefixTokens === 0 ? whole : whole.map((event) => countPrefix(event, prefixTokens));
  }

  async function nextBatch(): Promise<EventBatch | undefined> {
    const work = current ?? never();
    if (cutPending === undefined) {
      const { stallMs } = work.candidate.model.timeouts;
      if (mayResume === undefined || !delivered.resumable) mayResume = machine.canTakeOver(suits);
      const patienceMs = mayResume ? stallMs : Math.max(stallMs, minStallMs);
      const batch = await work.attempt.next(patienceMs);
      if (signal.aborted) return undefined;
      if (batch !== undefined) {
        const [first] = batch;
        // A failure alone is dealt with here; behind other events it waits for its turn.
        if (first?.type !== 'failed') return passOn(batch);
        cutPending = first.failure;
      } else cutPending = brokeOff();
    }
    const reason = cutPending;
    cutPending = undefined;
    await close(work, 'failed', reason);
    machine.failed(work.candidate, reason);
    return takeOver(reason);
  }

  /** Somebody goes on with the answer, or it ends in the failure that cut it. */
  async function takeOver(reason: Failure): Promise<EventBatch | undefined> {
    const lost = delivered.resumable && request.n === 1;
    if (lost && isSpent(request, delivered)) return finishHere('length');
    for (;;) {
      const candidate = machine.takeOver(suits);
      const mode = candidate === undefined ? 'none' : takeoverMode(candidate, request, delivered);
      if (candidate === undefined || mode === 'none') {
        ended = true;
        return [{ type: 'failed', failure: reason }];
      }
      const work = open(candidate, mode, continueWith(mode, call, delivered));
      const outcome = await resume(work);
      if (outcome === undefined) return undefined;
      if ('failure' in outcome) {
        await close(work, 'failed', outcome.failure);
        machine.failed(candidate, outcome.failure);
        continue;
      }
      takeovers += 1;
      takeOn(work);
      if ('stopped' in outcome) return finishHere('stop');
      return passOn(outcome.batch);
    }
  }

  /** Reads a successor until it says something new. Undefined: the run was stopped meanwhile. */
  async function resume(
    work: Work,
  ): Promise<
    { readonly batch: EventBatch } | { readonly failure: Failure } | { readonly stopped: true } | undefined
  > {
    const { attempt, continuation } = work;
    const committed = await attempt.commit();
    if (committed === 'aborted' || signal.aborted) return undefined;
    if ('failure' in committed) return committed;
    let batch: EventBatch | undefined = withoutStart(committed.batch);
    const held: StreamEvent[] = [];
    for (;;) {
      const resumed = continuation?.joint(batch) ?? never();
      if (resumed.type === 'diverged') return { failure: diverged() };
      if (resumed.type === 'stopped') return { stopped: true };
      held.push(...resumed.batch);
      const failed = held.find((event) => event.type === 'failed');
      if (failed?.type === 'failed' && !held.some(commits)) return { failure: failed.failure };
      if (held.some(commits)) return { batch: held };
      batch = await attempt.next(Math.max(work.candidate.model.timeouts.stallMs, minStallMs));
      if (signal.aborted) return undefined;
      if (batch === undefined) return { failure: brokeOff() };
    }
  }

  /** The answer is over though the target that began it is gone: nothing more was due. */
  function finishHere(reason: 'stop' | 'length'): EventBatch {
    ended = true;
    return [{ type: 'finish', choice: 0, reason }];
  }

  return {
    served: () => served,
    attempts: () => attempts,
    takeovers: () => takeovers,
    next: async () => {
      if (ended) return { done: true, value: undefined };
      const batch = served === undefined ? await firstBatch() : await nextBatch();
      if (batch !== undefined) return { done: false, value: batch };
      ended = true;
      return { done: true, value: undefined };
    },
    return: async () => {
      ended = true;
      if (current !== undefined) await close(current, 'served');
      await closeAll('aborted');
      return { done: true, value: undefined };
    },
  };
}

/** The joint's prefix was prompt to the target that went on, and is answer to the client. */
function countPrefix(event: StreamEvent, prefixTokens: number): StreamEvent {
  if (event.type !== 'usage') return event;
  const usage: Usage = {
    ...event.usage,
    promptTokens: Math.max(0, event.usage.promptTokens - prefixTokens),
    completionTokens: event.usage.completionTokens + prefixTokens,
  };
  return { type: 'usage', usage };
}

function withoutStart(batch: EventBatch): EventBatch {
  return batch.filter((event) => event.type !== 'start');
}

function brokeOff(): Failure {
  return failure('upstream_cut', 'The answer broke off: the upstream ended it without a finish reason.');
}

function diverged(): Failure {
  const detail = 'a replay said something else than the answer it was to repeat';
  return failure('upstream_cut', 'The answer broke off and could not be gone on with.', { detail });
}

function never(): never {
  throw new Error('a source was read out of order');
}
