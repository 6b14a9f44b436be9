import type { BatchReceiver } from '../domain/batches.ts';
import { brokeOff, type Failure } from '../domain/failure.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Usage, UsageEstimates } from '../domain/usage.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { EventStream } from '../upstreams/contract.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { hasReachedLength } from './continuation.ts';
import { createDelivered, type Delivered } from './delivered.ts';
import {
  type Asking,
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
import { type AttemptCount, DeliveredTokens, promptOf, withPromptOf } from './token-count.ts';

/**
 * One sequence of batches for the answer of one request. Several targets may contribute to it, one after the other. The
 * first batch holds the commit. The relay does not see a failure before the commit after which another target answers, or a
 * cut that another target takes over. Where no target can answer or continue, the last event is `failed`.
 *
 *     racing ──commit──▶ relaying ──cut, stall──▶ taking over ──new event──▶ relaying
 *        └ none left ─▶ failed  └ last finish ─▶ whole   └ none left ─▶ failed
 *
 * The answer of a request that does not stream commits when it is complete: it is never taken over.
 */
export interface Source extends EventStream, UsageEstimates {
  /** The target that began the answer; undefined before the first batch. */
  served(): Served | undefined;
  /**
   * The name of the target that was asked last. After the commit it is the serving target, except while a takeover asks
   * another one. Undefined before the first.
   */
  target(): string | undefined;
  /** Tokens delivered so far, by the counts of the attempts. */
  completionTokens(): number;
  /**
   * The usage of the answer so far, as targets have reported it: the prompt is that of the first target to commit, where that
   * has counted it. A count that is not reported is 0; undefined where none is.
   */
  reported(): Usage | undefined;
  /** One record for each attempt so far, for the log line. */
  attempts(): readonly AttemptRecord[];
}

/** The target that began an answer. */
export interface Served {
  /** The public id of the fallback model; absent where the target is one of the model that was asked for. */
  readonly fellBackTo?: string;
  /** The target's name, `upstream/model`. */
  readonly target: string;
}

/** What a source needs; an abort of `signal` ends it without an event. */
export interface SourceDeps extends OpenAttemptsDeps {
  readonly machine: AttemptMachine;
  /** Called once, at the commit, with the candidate that serves: its cache now holds the beginning of this chat. */
  onCommit(candidate: Candidate): void;
}

/** Opens the source of one request. The caller closes it. */
export function openSource(call: Call, deps: SourceDeps): Source {
  return new FailoverSource(call, deps);
}

/**
 * One object with few closures of its own: an event costs as much as the objects that it touches (decisions/0006). From the
 * moment in which no target can take over any more, it holds nothing of the request but two numbers.
 */
class FailoverSource implements Source, BatchReceiver {
  private waiting: BatchReceiver | undefined;
  private attempt: Attempt | undefined;
  /** The stall timeout of the current attempt in milliseconds; undefined: it has to be computed again. */
  private stallMs: number | undefined;
  /** The last value of `delivered.continuable` that was seen. */
  private continuable = true;
  private readonly delivered: Delivered;
  /** A failure that came after other events of its batch: it is handled at the next pull. */
  private cutPending: Failure | undefined;
  private ended = false;

  /** What it takes to ask another target; undefined once none can be asked any more. */
  private asking: (Asking & Pick<SourceDeps, 'onCommit'>) | undefined;
  private readonly openAttempts: OpenAttempts;
  private readonly timers: TimerQueue;
  private readonly signal: AbortSignal;
  private readonly remembers: boolean;
  private readonly choices: number;
  private readonly maxTokens: number | undefined;
  private current: OpenAttempt | undefined;
  private servedBy: Served | undefined;
  private unfinished: number;
  private readonly deliveredTokens = new DeliveredTokens();
  /** A usage of the current attempt has come before the end of the answer. */
  private usagePassed = false;
  /** The count of the attempt that committed first. */
  private first: AttemptCount | undefined;

  constructor(call: Call, deps: SourceDeps) {
    const { machine, onCommit, timers, signal } = deps;
    const { request } = call;
    this.asking = { call, machine, onCommit };
    this.timers = timers;
    this.signal = signal;
    this.openAttempts = createOpenAttempts(deps);
    this.choices = request.n;
    this.maxTokens = request.maxTokens;
    this.unfinished = request.n;
    // Where no target of the plan could ever take over, the text need not be kept.
    this.remembers = machine.anySuits((candidate) => takeoverMode(candidate, request, noText) !== 'none');
    this.delivered = createDelivered(this.remembers);
  }

  served(): Served | undefined {
    return this.servedBy;
  }

  target(): string | undefined {
    return this.openAttempts.target;
  }

  promptTokens(): number {
    return this.openAttempts.promptTokens;
  }

  completionTokens(): number {
    return this.deliveredTokens.tokens;
  }

  completionIsCounted(): boolean {
    return this.deliveredTokens.exact;
  }

  reported(): Usage | undefined {
    const { current, first } = this;
    if (current === undefined) return undefined;
    const { usage } = current.attempt.count;
    // A joint may end the answer before the target has: then the target's completion is not that of the answer.
    const counted = usage === undefined || this.usagePassed ? usage : promptOf(usage);
    const own = counted === undefined ? undefined : countPrefix(counted, current.prefixTokens);
    return first === current.attempt.count ? own : withPromptOf(first?.usage, own);
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
    if (this.attempt === undefined) this.handOnLater(this.firstBatch());
    else if (this.cutPending !== undefined) this.handleCut(this.cutPending);
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

  /** A batch of the current attempt. A plain text delta is passed on without an allocation. */
  batch(batch: EventBatch): void {
    let passed: EventBatch;
    try {
      const [first] = batch;
      // A failure in front is handled now; one after other events is handled at the next pull.
      if (first?.type === 'failed') {
        this.handleCut(first.failure);
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
    this.handleCut(brokeOff());
  }

  broke(bug: unknown): void {
    const receiver = this.waiting ?? never();
    this.waiting = undefined;
    receiver.broke(bug);
  }

  private handOnLater(coming: Promise<EventBatch | undefined>): void {
    coming.then(
      (batch) => this.handOn(batch),
      (bug: unknown) => this.broke(bug),
    );
  }

  /** Hands a batch to the receiver that pulled; undefined: the answer is over. */
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
    const asking = this.asking ?? never();
    const outcome = await race(asking, this.openAttempts, this.timers, this.signal);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return this.tear(outcome.failure);
    this.switchTo(outcome.opened, outcome.batch);
    const { candidate } = outcome.opened;
    const { name } = candidate.target;
    this.servedBy = { target: name, ...(candidate.fallback ? { fellBackTo: candidate.model.id } : {}) };
    asking.onCommit(candidate);
    if (!this.remembers) this.asking = undefined;
    return this.passOn(outcome.batch);
  }

  /** The current attempt has failed. Where the run was stopped, the source just ends. */
  private handleCut(reason: Failure): void {
    if (this.ended || this.signal.aborted) this.handOn(undefined);
    else this.handOnLater(this.afterCut(this.current ?? never(), reason));
  }

  /**
   * Asks another target to take over. Where none can, ends the answer with the failure that cut it. An answer that already
   * has `max_tokens` tokens is whole.
   */
  private async afterCut(opened: OpenAttempt, reason: Failure): Promise<EventBatch | undefined> {
    const { asking, openAttempts, delivered, deliveredTokens: spent, signal } = this;
    this.cutPending = undefined;
    await openAttempts.fail(opened, reason);
    asking?.machine.failed(opened.candidate, reason, true);
    this.noteDelivered(opened);
    if (this.continuable && this.choices === 1 && hasReachedLength(this.maxTokens, spent)) {
      return this.passOn([{ type: 'finish', choice: 0, reason: 'length' }]);
    }
    if (asking === undefined) return this.tear(reason);
    const outcome = await takeOver({ asking, openAttempts, delivered, spent, signal }, reason);
    if (outcome === undefined) return undefined;
    if ('failure' in outcome) return this.tear(outcome.failure);
    this.switchTo(outcome.opened, outcome.batch);
    return this.passOn(outcome.batch);
  }

  private switchTo(opened: OpenAttempt, batch: EventBatch): void {
    this.openAttempts.serve(opened);
    this.current = opened;
    this.attempt = opened.attempt;
    this.deliveredTokens.continueWith(opened.attempt.count, batch);
    this.first ??= opened.attempt.count;
    this.stallMs = undefined;
    this.usagePassed = false;
  }

  private noteDelivered(opened: OpenAttempt): void {
    opened.record.deliveredTokens = this.deliveredTokens.byCurrent;
  }

  private stallTimeout(): number {
    const { stallMs } = (this.current ?? never()).candidate.model.timeouts;
    this.stallMs = stallTimeoutMs(stallMs, this.hasSuccessor());
    return this.stallMs;
  }

  private hasSuccessor(): boolean {
    const { asking, delivered } = this;
    if (asking === undefined) return false;
    const { request } = asking.call;
    return asking.machine.canTakeOver((candidate) => takeoverMode(candidate, request, delivered) !== 'none');
  }

  /**
   * Adds a batch to the delivered answer. It holds a usage until the last finish. It holds a failure until the next pull,
   * which handles the cut.
   */
  private passOn(batch: EventBatch): EventBatch {
    // Nearly every batch is one text delta, and is passed on as it is.
    const only = batch.length === 1 ? batch[0] : undefined;
    const { delivered } = this;
    if (only?.type === 'text-delta') {
      if (!this.remembers) return batch;
      delivered.addText(only);
      if (this.continuable !== delivered.continuable) this.noLongerContinuable();
      return batch;
    }
    const passed: StreamEvent[] = [];
    for (const event of batch) {
      if (event.type === 'failed') {
        this.cutPending = event.failure;
        break;
      }
      // Held until the last finish: the usage of a target that is cut afterwards does not count the whole answer.
      if (event.type === 'usage') {
        this.usagePassed = true;
        continue;
      }
      if (event.type === 'finish') this.unfinished -= 1;
      const usage = this.unfinished === 0 ? this.reported() : undefined;
      if (usage !== undefined) passed.push({ type: 'usage', usage });
      delivered.add(event);
      passed.push(event);
      if (this.unfinished === 0) break;
    }
    if (this.unfinished === 0) this.ended = true;
    if (this.continuable !== delivered.continuable) this.noLongerContinuable();
    return passed;
  }

  /**
   * After a tool call, a refusal or too long a text, no target can continue the answer any more. So the stall timeout is
   * computed again: it may become longer.
   */
  private noLongerContinuable(): void {
    this.continuable = false;
    this.asking = undefined;
    this.stallMs = undefined;
  }

  private tear(reason: Failure): EventBatch {
    this.ended = true;
    return [{ type: 'failed', failure: reason }];
  }
}

/** The answer before its first event. */
const noText = { text: '', reasoning: '', continuable: true };

/**
 * Moves the prefix from the prompt, where the target counted it, to the completion, where the client has it. A count that the
 * target did not report stays 0.
 */
function countPrefix(usage: Usage, prefixTokens: number): Usage {
  if (prefixTokens === 0) return usage;
  const { promptTokens, completionTokens, cachedTokens, cacheWriteTokens, ...more } = usage;
  const ownPrompt = Math.max(0, promptTokens - prefixTokens);
  const cached = Math.min(cachedTokens ?? 0, ownPrompt);
  return {
    ...more,
    promptTokens: ownPrompt,
    completionTokens: completionTokens === 0 ? 0 : completionTokens + prefixTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens: cached }),
    ...(cacheWriteTokens === undefined
      ? {}
      : { cacheWriteTokens: Math.min(cacheWriteTokens, ownPrompt - cached) }),
  };
}

function never(): never {
  throw new Error('a source was pulled twice, or received a batch without a pull');
}
