import { brokeOff, type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent, type UsageEvent } from '../domain/stream-event.ts';
import type { EventStream, UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, openAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { blameOf, countsAgainstHealth } from './blame.ts';
import { type Continuation, continueWith, isSpent } from './continuation.ts';
import { createDelivered } from './delivered.ts';
import type { Health, Visit } from './health.ts';
import { firstDone, pause } from './race.ts';
import { takeoverMode } from './takeover-mode.ts';
import { holdWhole } from './whole-attempt.ts';

/**
 * One answer, however many targets it took: a single sequence of batches whose first one is the commit.
 * What failed before the commit was invisible, and so is a cut after it that somebody could take over; when
 * nobody can go on, the last event is `failed`. The relay sees this and nothing of targets.
 *
 *     racing ──first delta──▶ relaying ──cut, stall──▶ taking over ──new delta──▶ relaying
 *        └ nobody left ─▶ failed  └ finish ─▶ whole        └ nobody left ─▶ failed
 *
 * A request that does not stream commits when its answer is complete: it races, and that is all.
 */
export interface Source extends EventStream {
  /** Who serves, known from the first batch on. */
  served(): Served | undefined;
  /** Every target asked so far, for the log and later the usage record. */
  attempts(): readonly AttemptRecord[];
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
  /** Told of every target that is asked, as it is asked, and again of the one that serves. */
  onAttempt(target: string): void;
  /** Told once, at the commit, who is warm for the next turn of this chat. */
  onCommit(candidate: Candidate): void;
}

/** Without anybody to take over, a stream that still might come is worth at least this much patience. */
const minStallMs = 30_000;

type Call = Omit<UpstreamCall, 'model'>;
type Next = IteratorResult<EventBatch, undefined>;

/** A target at work: its attempt, its line in the record, its visit in the health book. */
interface Work {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly visit: Visit;
  readonly continuation: Continuation | undefined;
}

export function openSource(call: Call, deps: SourceDeps): Source {
  const { machine, health, signal } = deps;
  const { request } = call;
  const attempts: AttemptRecord[] = [];
  const delivered = createDelivered();
  const working = new Set<Work>();
  let current: Work | undefined;
  let served: Served | undefined;
  let unfinished = request.n;
  let ended = false;
  /** Somebody has said something, though an answer that does not stream commits later: a hedge is for silence. */
  let begun = false;
  /** Told once, before the last finish: a target that is cut after its usage has told too early. */
  let usage: UsageEvent | undefined;
  /** Whether somebody could go on now; asked anew for each target that goes on. */
  let mayResume: boolean | undefined;
  /** A failure that came behind events of its own batch: those go out first. */
  let cutPending: Failure | undefined;

  const suits = (candidate: Candidate) => takeoverMode(candidate, request, delivered) !== 'none';

  function open(candidate: Candidate, mode: AttemptRecord['mode'], continuation?: Continuation): Work {
    const record: AttemptRecord = { target: candidate.target.name, mode, outcome: 'open' };
    const { timeouts } = candidate.model;
    attempts.push(record);
    deps.onAttempt(record.target);
    const opened = openAttempt(candidate, continuation?.call ?? call, timeouts, signal);
    const visit = health.begin(candidate.target);
    const patienceMs = () => stallPatience(timeouts.stallMs, machine.canRetry());
    const onBegun = () => {
      begun = true;
      visit.answered();
    };
    const attempt = request.stream ? opened : holdWhole(opened, request.n, patienceMs, onBegun);
    const work = { candidate, attempt, record, visit, continuation };
    working.add(work);
    return work;
  }

  async function close(work: Work, outcome: AttemptRecord['outcome'], reason?: Failure): Promise<void> {
    if (!working.delete(work)) return;
    work.record.outcome = outcome;
    if (reason !== undefined) {
      work.record.failure = reason;
      if (countsAgainstHealth(reason)) work.visit.failed();
    }
    if (outcome === 'served') work.visit.succeeded();
    work.visit.end();
    await work.attempt.close();
  }

  async function fail(work: Work, reason: Failure): Promise<void> {
    await close(work, 'failed', reason);
    machine.failed(work.candidate, reason, served !== undefined);
  }

  async function closeOthers(kept: Work | undefined, outcome: AttemptRecord['outcome']): Promise<void> {
    for (const work of [...working]) if (work !== kept) await close(work, outcome);
  }

  function takeOn(work: Work): void {
    work.visit.answered();
    work.record.outcome = 'served';
    current = work;
    mayResume = undefined;
    deps.onAttempt(work.record.target);
  }

  /** Asks targets until one commits. Undefined: the run was stopped meanwhile. */
  async function race(): Promise<EventBatch | { readonly failure: Failure } | undefined> {
    const racers = new Map<Work, ReturnType<Attempt['commit']>>();
    let hedged = false;
    const start = (candidate: Candidate, mode: AttemptRecord['mode']) => {
      const work = open(candidate, mode);
      racers.set(work, work.attempt.commit());
    };
    const startBeside = () => {
      const beside = machine.hedge();
      if (beside !== undefined) start(beside, 'hedge');
    };

    for (;;) {
      if (racers.size === 0) {
        const action = machine.next();
        if (action.type === 'exhausted') return { failure: action.failure };
        await pause(action.afterMs, signal);
        if (signal.aborted) return undefined;
        start(action.candidate, 'first');
      }
      const [first] = racers.keys();
      const done = await firstDone(racers, hedged ? undefined : first?.candidate.model.timeouts.hedgeAfterMs);
      if (done === 'late') {
        hedged = true;
        if (!begun) startBeside();
        continue;
      }
      const [work, result] = done;
      if (result === 'aborted' || signal.aborted) return undefined;
      if ('batch' in result) {
        await closeOthers(work, 'lost');
        takeOn(work);
        return result.batch;
      }
      racers.delete(work);
      await fail(work, result.failure);
      if (blameOf(result.failure.code) === 'caller') {
        await closeOthers(undefined, 'aborted');
        return { failure: result.failure };
      }
      // One of two has failed: somebody fresh takes its place at once; with nobody fresh the other goes on.
      if (racers.size > 0) startBeside();
    }
  }

  async function firstBatch(): Promise<EventBatch | undefined> {
    const outcome = await race();
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return tear(outcome.failure);
    const { candidate } = current ?? never();
    const { name } = candidate.target;
    served = { target: name, ...(candidate.fallback ? { fellBackTo: candidate.model.id } : {}) };
    deps.onCommit(candidate);
    return passOn(outcome);
  }

  /** One function and one promise a read, while the answer comes as it should. */
  async function nextBatch(): Promise<Next> {
    const work = current ?? never();
    if (cutPending === undefined) {
      if (!delivered.resumable) mayResume = false;
      mayResume ??= machine.canTakeOver(suits);
      const batch = await work.attempt.next(stallPatience(work.candidate.model.timeouts.stallMs, mayResume));
      if (signal.aborted) return told(undefined);
      const first = batch?.[0];
      // A failure alone is dealt with here; behind other events it waits for its turn.
      if (batch !== undefined && first?.type !== 'failed') return { done: false, value: passOn(batch) };
      cutPending = first?.type === 'failed' ? first.failure : brokeOff();
    }
    const reason = cutPending;
    cutPending = undefined;
    await fail(work, reason);
    return told(await takeOver(reason));
  }

  /** Somebody goes on with the answer, or it ends in the failure that cut it. */
  async function takeOver(reason: Failure): Promise<EventBatch | undefined> {
    const mayFinishHere = delivered.resumable && request.n === 1;
    if (mayFinishHere && isSpent(request, delivered)) return passOn([finish('length')]);
    for (;;) {
      const candidate = machine.takeOver(suits);
      const mode = candidate === undefined ? 'none' : takeoverMode(candidate, request, delivered);
      if (candidate === undefined || mode === 'none') return tear(reason);
      const work = open(candidate, mode, continueWith(mode, call, delivered));
      const outcome = await resume(work);
      if (outcome === undefined) return undefined;
      if ('failure' in outcome) {
        await fail(work, outcome.failure);
        continue;
      }
      takeOn(work);
      return passOn(outcome.batch);
    }
  }

  /** Reads a successor until it says something new. Undefined: the run was stopped meanwhile. */
  async function resume({ attempt, candidate, continuation }: Work) {
    const committed = await attempt.commit();
    if (committed === 'aborted' || signal.aborted) return undefined;
    if ('failure' in committed) return committed;
    let batch: EventBatch | undefined = committed.batch.filter((event) => event.type !== 'start');
    const held: StreamEvent[] = [];
    for (;;) {
      const resumed = continuation?.joint(batch) ?? never();
      if (resumed.type === 'diverged') return { failure: diverged() };
      if (resumed.type === 'stopped') return { batch: [finish('stop')] };
      if (resumed.type === 'spent') return { batch: [finish('length')] };
      held.push(...resumed.batch);
      const failed = held.find((event) => event.type === 'failed');
      if (held.some(commits)) return { batch: held };
      if (failed?.type === 'failed') return { failure: failed.failure };
      batch = await attempt.next(stallPatience(candidate.model.timeouts.stallMs, machine.canTakeOver(suits)));
      if (signal.aborted) return undefined;
      if (batch === undefined) return { failure: brokeOff() };
    }
  }

  /** Notes what the client is about to see; holds back a usage until the end, a failure until its turn. */
  function passOn(batch: EventBatch): EventBatch {
    const passed: StreamEvent[] = [];
    for (const event of batch) {
      if (event.type === 'failed') {
        cutPending = event.failure;
        break;
      }
      if (event.type === 'usage') {
        usage = countPrefix(event, current?.continuation?.prefixTokens ?? 0);
        continue;
      }
      if (event.type === 'finish') unfinished -= 1;
      if (unfinished === 0 && usage !== undefined) passed.push(usage);
      delivered.add(event);
      passed.push(event);
      if (unfinished === 0) break;
    }
    if (unfinished === 0) ended = true;
    return passed;
  }

  /** A batch as the iterator says it; without one it is over. */
  function told(batch: EventBatch | undefined): Next {
    if (batch !== undefined) return { done: false, value: batch };
    ended = true;
    return { done: true, value: undefined };
  }

  function tear(reason: Failure): EventBatch {
    ended = true;
    return [{ type: 'failed', failure: reason }];
  }

  return {
    served: () => served,
    attempts: () => attempts,
    next: () => {
      if (ended) return Promise.resolve({ done: true, value: undefined });
      return served === undefined ? firstBatch().then(told) : nextBatch();
    },
    return: async () => {
      ended = true;
      if (current !== undefined) await close(current, unfinished === 0 ? 'served' : 'aborted');
      await closeOthers(undefined, 'aborted');
      return { done: true, value: undefined };
    },
  };
}

function stallPatience(stallMs: number, somebodyElse: boolean): number {
  return somebodyElse ? stallMs : Math.max(stallMs, minStallMs);
}

function finish(reason: 'stop' | 'length'): StreamEvent {
  return { type: 'finish', choice: 0, reason };
}

/** The joint's prefix was prompt to the target that went on, and is answer to the client. */
function countPrefix(event: UsageEvent, prefixTokens: number): UsageEvent {
  if (prefixTokens === 0) return event;
  const { promptTokens, completionTokens, ...more } = event.usage;
  return {
    type: 'usage',
    usage: {
      ...more,
      promptTokens: Math.max(0, promptTokens - prefixTokens),
      completionTokens: completionTokens + prefixTokens,
    },
  };
}

/** Said of the answer, not of the target: it is as well as before, and would only say the same again. */
function diverged(): Failure {
  return failure('upstream_cut', 'The answer broke off and could not be gone on with.', {
    detail: 'a replay said something else than the answer it was to repeat',
    permanent: true,
    blameless: true,
  });
}

function never(): never {
  throw new Error('a source was read out of order');
}
