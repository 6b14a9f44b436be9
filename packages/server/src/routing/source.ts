import { type BatchReceiver, pullOnce } from '../domain/batches.ts';
import { brokeOff, type Failure } from '../domain/failure.ts';
import type { EventBatch, StreamEvent, UsageEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { Candidate } from './attempt-plan.ts';
import { createDelivered } from './delivered.ts';
import { race } from './race.ts';
import { stallPatience } from './stall-patience.ts';
import { takeOver } from './take-over.ts';
import { takeoverMode } from './takeover-mode.ts';
import { type AttemptRecord, type Call, createWorks, type Work, type WorksDeps } from './works.ts';

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
  pull(receiver: BatchReceiver): void;
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

export interface SourceDeps extends WorksDeps {
  /** Told once, at the commit, who is warm for the next turn of this chat. */
  onCommit(candidate: Candidate): void;
}

export function openSource(call: Call, deps: SourceDeps): Source {
  const { machine, signal } = deps;
  const { request } = call;
  const works = createWorks(call, deps);
  // What no target could ever go on with need not be kept.
  const nothing = createDelivered(false);
  const remembers = machine.anySuits((candidate) => takeoverMode(candidate, request, nothing) !== 'none');
  const delivered = createDelivered(remembers);
  const suits = (candidate: Candidate) => takeoverMode(candidate, request, delivered) !== 'none';
  let current: Work | undefined;
  let served: Served | undefined;
  let unfinished = request.n;
  let ended = false;
  /** Told once, before the last finish: a target that is cut after its usage has told too early. */
  let usage: UsageEvent | undefined;
  /** How long silence is borne; asked anew for each target that goes on. */
  let patienceMs: number | undefined;
  /** A failure that came behind events of its own batch: those go out first. */
  let cutPending: Failure | undefined;
  let waiting: BatchReceiver | undefined;

  function takeOn(work: Work): void {
    work.visit.answered();
    work.record.outcome = 'served';
    current = work;
    patienceMs = undefined;
    deps.onAttempt(work.record.target);
  }

  async function firstBatch(): Promise<EventBatch | undefined> {
    const outcome = await race(machine, works, signal);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return tear(outcome.failure);
    takeOn(outcome.work);
    const { candidate } = outcome.work;
    const { name } = candidate.target;
    served = { target: name, ...(candidate.fallback ? { fellBackTo: candidate.model.id } : {}) };
    deps.onCommit(candidate);
    return passOn(outcome.batch);
  }

  /** Somebody goes on with the answer, or it ends in the failure that cut it. */
  async function afterCut(work: Work, reason: Failure): Promise<EventBatch | undefined> {
    cutPending = undefined;
    await works.fail(work, reason, true);
    const outcome = await takeOver({ machine, works, call, delivered, signal }, reason);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return tear(outcome.failure);
    if (outcome.work !== undefined) takeOn(outcome.work);
    return passOn(outcome.batch);
  }

  /** While the answer comes as it should: no promise and no object but the batch itself. */
  const reads: BatchReceiver = {
    batch: (batch) => {
      const [first] = batch;
      if (signal.aborted) return tell(undefined);
      // A failure alone is dealt with here; behind other events it waits for its turn.
      if (first?.type === 'failed') return goOn(first.failure);
      let passed: EventBatch;
      try {
        passed = passOn(batch);
      } catch (bug) {
        return tellBug(bug);
      }
      tell(passed);
    },
    end: () => (signal.aborted ? tell(undefined) : goOn(brokeOff())),
    broke: (bug) => tellBug(bug),
  };

  function pullNext(work: Work): void {
    if (cutPending !== undefined) {
      goOn(cutPending);
      return;
    }
    const { stallMs } = work.candidate.model.timeouts;
    const mayResume = remembers && delivered.resumable;
    if (!mayResume) patienceMs = stallPatience(stallMs, false);
    patienceMs ??= stallPatience(stallMs, machine.canTakeOver(suits));
    work.attempt.pull(patienceMs, reads);
  }

  function goOn(reason: Failure): void {
    afterCut(current ?? never(), reason).then(tell, tellBug);
  }

  /** Notes what the client is about to see; holds back a usage until the end, a failure until its turn. */
  function passOn(batch: EventBatch): EventBatch {
    // Nearly every batch is one delta, and passed on as it is.
    const [only] = batch;
    if (batch.length === 1 && only?.type === 'text-delta') {
      delivered.add(only);
      return batch;
    }
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

  /** A batch to whoever waits; without one it is over. */
  function tell(batch: EventBatch | undefined): void {
    const receiver = waiting ?? never();
    waiting = undefined;
    if (batch !== undefined) {
      receiver.batch(batch);
      return;
    }
    ended = true;
    receiver.end();
  }

  function tellBug(bug: unknown): void {
    const receiver = waiting ?? never();
    waiting = undefined;
    receiver.broke(bug);
  }

  function tear(reason: Failure): EventBatch {
    ended = true;
    return [{ type: 'failed', failure: reason }];
  }

  function pull(receiver: BatchReceiver): void {
    if (ended) {
      receiver.end();
      return;
    }
    waiting = receiver;
    if (served === undefined) firstBatch().then(tell, tellBug);
    else pullNext(current ?? never());
  }

  return {
    served: () => served,
    attempts: () => works.records,
    pull,
    next: () => pullOnce({ pull }),
    return: async () => {
      ended = true;
      if (current !== undefined) await works.close(current, unfinished === 0 ? 'served' : 'aborted');
      await works.closeOthers(undefined, 'aborted');
      return { done: true, value: undefined };
    },
  };
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

function never(): never {
  throw new Error('a source was read out of order');
}
