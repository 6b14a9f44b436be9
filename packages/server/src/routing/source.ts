import type { BatchReceiver } from '../domain/batches.ts';
import { brokeOff, type Failure } from '../domain/failure.ts';
import type { EventBatch, StreamEvent, UsageEvent } from '../domain/stream-event.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { Attempt } from './attempt.ts';
import type { Candidate } from './attempt-plan.ts';
import { createDelivered, type Delivered } from './delivered.ts';
import {
  type AttemptRecord,
  type Call,
  createOpenAttempts,
  type OpenAttempt,
  type OpenAttempts,
  type OpenAttemptsDeps,
} from './open-attempts.ts';
import { race } from './race.ts';
import { stallTimeoutMs } from './stall-timeout.ts';
import { takeOver } from './take-over.ts';
import { takeoverMode } from './takeover-mode.ts';
import { DeliveredTokens } from './token-count.ts';

/**
 * One answer, however many targets it took: a single sequence of batches whose first one is the commit.
 * What failed before the commit was invisible, and so is a cut after it that another target took over; where
 * no target can, the last event is `failed`. The relay sees this and nothing of targets.
 *
 *     racing ──first delta──▶ relaying ──cut, stall──▶ taking over ──new delta──▶ relaying
 *        └ none left ─▶ failed    └ finish ─▶ whole        └ none left ─▶ failed
 *
 * A request that does not stream commits when its answer is complete: it races, and that is all.
 */
export interface Source extends EventStream {
  /** Who serves, known from the first batch on. */
  served(): Served | undefined;
  /** Tokens that have been passed on, by the count of the attempts that said them. */
  tokens(): number;
  /** Every target asked so far, for the log and later the usage record. */
  attempts(): readonly AttemptRecord[];
}

export interface Served {
  /** The public id of the fallback that began the answer; absent where it is the model that was asked for. */
  readonly fellBackTo?: string;
  /** Upstream and model there, `lab/llama-3.1-8b`. */
  readonly target: string;
}

export interface SourceDeps extends OpenAttemptsDeps {
  /** Called once, at the commit, with the target that is warm for the next turn of this chat. */
  onCommit(candidate: Candidate): void;
}

export function openSource(call: Call, deps: SourceDeps): Source {
  return new FailoverSource(call, deps);
}

/** One object, with no function of its own: what an event touches is what it costs (decisions/0006). */
class FailoverSource implements Source, BatchReceiver {
  private waiting: BatchReceiver | undefined;
  private attempt: Attempt | undefined;
  /** How long silence is borne; asked anew for each target that takes over. */
  private stallMs: number | undefined;
  /** What was delivered does not exclude a takeover. */
  private continuable = true;
  private readonly delivered: Delivered;
  /** A failure that came behind events of its own batch: those go out first. */
  private cutPending: Failure | undefined;
  private ended = false;

  private readonly call: Call;
  private readonly deps: SourceDeps;
  private readonly openAttempts: OpenAttempts;
  private readonly remembers: boolean;
  private current: OpenAttempt | undefined;
  private server: Served | undefined;
  private unfinished: number;
  private readonly tokensHad = new DeliveredTokens();
  /** Passed on once, before the last finish: a target that is cut behind its usage has reported it too early. */
  private usage: UsageEvent | undefined;

  constructor(call: Call, deps: SourceDeps) {
    const { machine } = deps;
    const { request } = call;
    this.call = call;
    this.deps = deps;
    this.openAttempts = createOpenAttempts(call, deps);
    this.unfinished = request.n;
    // What no target could ever go on with need not be kept.
    const nothing = createDelivered(false);
    this.remembers = machine.anySuits((candidate) => takeoverMode(candidate, request, nothing) !== 'none');
    this.delivered = createDelivered(this.remembers);
  }

  served(): Served | undefined {
    return this.server;
  }

  tokens(): number {
    return this.tokensHad.tokens;
  }

  attempts(): readonly AttemptRecord[] {
    return this.openAttempts.records;
  }

  pull(receiver: BatchReceiver): void {
    if (this.ended) {
      receiver.end();
      return;
    }
    this.waiting = receiver;
    if (this.attempt === undefined) this.firstBatch().then(this.handOnBatch, this.handOnBug);
    else if (this.cutPending !== undefined) this.goOn(this.cutPending);
    else this.attempt.pull(this.stallMs ?? this.stallTimeout(), this);
  }

  async close(): Promise<void> {
    this.ended = true;
    const outcome = this.unfinished === 0 ? 'served' : 'aborted';
    if (this.current !== undefined) {
      this.noteDelivered(this.current);
      await this.openAttempts.close(this.current, outcome);
    }
    await this.openAttempts.closeOthers(undefined, 'aborted');
  }

  /** A batch of the attempt at work; while the answer comes as it should nothing is made here. */
  batch(batch: EventBatch): void {
    let passed: EventBatch;
    try {
      const [first] = batch;
      // A failure alone is dealt with here; behind other events it waits for its turn.
      if (first?.type === 'failed') {
        this.goOn(first.failure);
        return;
      }
      passed = this.passOn(batch);
    } catch (bug) {
      this.broke(bug);
      return;
    }
    this.handOn(passed);
  }

  end(): void {
    this.goOn(brokeOff());
  }

  broke(bug: unknown): void {
    const receiver = this.waiting ?? never();
    this.waiting = undefined;
    receiver.broke(bug);
  }

  private readonly handOnBatch = (batch: EventBatch | undefined): void => this.handOn(batch);
  private readonly handOnBug = (bug: unknown): void => this.broke(bug);

  /** Hands a batch to the receiver that pulled; without one the answer is over. */
  private handOn(batch: EventBatch | undefined): void {
    const receiver = this.waiting ?? never();
    this.waiting = undefined;
    if (batch !== undefined) {
      receiver.batch(batch);
      return;
    }
    this.ended = true;
    receiver.end();
  }

  private async firstBatch(): Promise<EventBatch | undefined> {
    const { deps, openAttempts } = this;
    const outcome = await race(deps.machine, openAttempts, deps.signal);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return this.tear(outcome.failure);
    this.takeOn(outcome.opened, outcome.batch);
    const { candidate } = outcome.opened;
    const { name } = candidate.target;
    this.server = { target: name, ...(candidate.fallback ? { fellBackTo: candidate.model.id } : {}) };
    deps.onCommit(candidate);
    return this.passOn(outcome.batch);
  }

  /** The target at work has failed; where the run was stopped, that is all. */
  private goOn(reason: Failure): void {
    if (this.ended || this.deps.signal.aborted) this.handOn(undefined);
    else this.afterCut(this.current ?? never(), reason).then(this.handOnBatch, this.handOnBug);
  }

  /** Another target takes the answer over, or it ends in the failure that cut it. */
  private async afterCut(opened: OpenAttempt, reason: Failure): Promise<EventBatch | undefined> {
    const { openAttempts, call, delivered } = this;
    const { machine, signal } = this.deps;
    this.cutPending = undefined;
    await openAttempts.fail(opened, reason, true);
    this.noteDelivered(opened);
    const { tokensHad: spent } = this;
    const outcome = await takeOver({ machine, openAttempts, call, delivered, spent, signal }, reason);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return this.tear(outcome.failure);
    if (outcome.opened !== undefined) this.takeOn(outcome.opened, outcome.batch);
    return this.passOn(outcome.batch);
  }

  private takeOn(opened: OpenAttempt, batch: EventBatch): void {
    opened.tracked.answered();
    opened.record.outcome = 'served';
    this.current = opened;
    this.attempt = opened.attempt;
    this.tokensHad.goOnWith(opened.attempt.count, batch);
    this.stallMs = undefined;
    // What the one before counted was not the whole answer.
    this.usage = undefined;
    this.deps.onAttempt(opened.record.target);
  }

  private noteDelivered(opened: OpenAttempt): void {
    opened.record.deliveredTokens = this.tokensHad.byCurrent;
  }

  private stallTimeout(): number {
    const { call, delivered } = this;
    const suits = (candidate: Candidate) => takeoverMode(candidate, call.request, delivered) !== 'none';
    const anotherCould = this.remembers && this.deps.machine.canTakeOver(suits);
    const { stallMs } = (this.current ?? never()).candidate.model.timeouts;
    this.stallMs = stallTimeoutMs(stallMs, anotherCould);
    return this.stallMs;
  }

  /** Notes what the client is about to see; holds back a usage until the end, a failure until its turn. */
  private passOn(batch: EventBatch): EventBatch {
    // Nearly every batch is one delta, and passed on as it is.
    const only = batch.length === 1 ? batch[0] : undefined;
    const { delivered } = this;
    if (only?.type === 'text-delta') {
      delivered.addText(only);
      if (this.continuable !== delivered.continuable) this.becomesFinal();
      return batch;
    }
    const passed: StreamEvent[] = [];
    for (const event of batch) {
      if (event.type === 'failed') {
        this.cutPending = event.failure;
        break;
      }
      if (event.type === 'usage') {
        this.usage = countPrefix(event, this.current?.continuation?.prefixTokens ?? 0);
        continue;
      }
      if (event.type === 'finish') this.unfinished -= 1;
      if (this.unfinished === 0 && this.usage !== undefined) passed.push(this.usage);
      delivered.add(event);
      passed.push(event);
      if (this.unfinished === 0) break;
    }
    if (this.unfinished === 0) this.ended = true;
    if (this.continuable !== delivered.continuable) this.becomesFinal();
    return passed;
  }

  /** Tool calls, and an answer beyond all bounds, cannot be taken over: from here on only patience is left. */
  private becomesFinal(): void {
    this.continuable = false;
    this.stallMs = undefined;
  }

  private tear(reason: Failure): EventBatch {
    this.ended = true;
    return [{ type: 'failed', failure: reason }];
  }
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
