import type { Failure } from '../domain/failure.ts';
import { type Usage, withEstimates } from '../domain/usage.ts';
import type { Span } from '../telemetry/traces/contract.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, startAttempt } from './attempt.ts';
import type { AttemptMachine } from './attempt-machine.ts';
import type { Candidate } from './attempt-plan.ts';
import { endAttemptSpan, noteFirstChunk, startAttemptSpan } from './attempt-span.ts';
import { blameOf, countsAgainstHealth, wasTaken } from './blame.ts';
import { commitWhenComplete } from './commit-when-complete.ts';
import type { AttemptMode, EndedAttempt, Health, TrackedRequest } from './health.ts';
import { stallTimeoutMs } from './stall-timeout.ts';

/** The request as every target gets it, without the model's name there. */
export type Call = Omit<UpstreamCall, 'model'>;

/** What it takes to ask targets. It holds the whole request: the source drops it when no target can be asked any more. */
export interface Asking {
  readonly call: Call;
  readonly machine: AttemptMachine;
}

/** One attempt, as the log line shows it. */
export interface AttemptRecord {
  /** The public id of the model; that of the fallback where the target is one of a fallback. */
  readonly model: string;
  readonly target: string;
  readonly mode: AttemptMode;
  outcome: 'open' | EndedAttempt;
  failure?: Failure;
  /** As the target reported it, else estimated ({@link usageOf}); absent where the target has not taken the request. */
  usage?: Usage;
  /** The target has sent output, whether or not the client has received it. Set when the attempt is closed. */
  hasOutput?: boolean;
  /** Tokens that the client has received: 0 for a hedge that lost, and only the new ones of a replay. */
  deliveredTokens: number;
  /** Whole milliseconds from the admission of the request to the call of the target. */
  readonly startedMs: number;
  /** Whole milliseconds from the call to its end; absent while it is open. */
  durationMs?: number;
}

/** The attempt that the last part of an answer came from: after a takeover that of the target that took over. */
export function answeredLast<A extends Pick<AttemptRecord, 'outcome' | 'deliveredTokens'>>(
  attempts: readonly A[],
): A | undefined {
  return attempts.findLast(({ outcome, deliveredTokens }) => deliveredTokens > 0 || outcome === 'served');
}

/** An attempt that is open, with its record and its entry in the health of its target. */
export interface OpenAttempt {
  readonly candidate: Candidate;
  readonly attempt: Attempt;
  readonly record: AttemptRecord;
  readonly tracked: TrackedRequest;
  /** Absent where the request is not traced. */
  readonly span: Span | undefined;
  /** Tokens of a prefix that the target counts as prompt tokens ({@link Continuation.prefixTokens}). */
  readonly prefixTokens: number;
}

/** The open attempts of one request. It opens each attempt, and closes it with its outcome in the record. */
export interface OpenAttempts {
  /** Asks the candidate's target. A takeover has the call of its continuation, and its `prefixTokens`. */
  open(candidate: Candidate, mode: AttemptRecord['mode'], asking: Asking, prefixTokens?: number): OpenAttempt;
  /** The attempt serves the answer from now on. */
  serve(opened: OpenAttempt): void;
  /** Closes an attempt. Does nothing where it is closed already. */
  close(opened: OpenAttempt, outcome: EndedAttempt): Promise<void>;
  /** Closes an attempt that failed, and reports the failure to the health of the target. */
  fail(opened: OpenAttempt, reason: Failure): Promise<void>;
  /** Closes every open attempt except `kept`. */
  closeOthers(kept: OpenAttempt | undefined, outcome: EndedAttempt): Promise<void>;
  /** True once any attempt of an answer that does not stream has sent output, also after that attempt has failed. */
  readonly begun: boolean;
  /** One for each attempt, open or closed, in the order in which they were opened. */
  readonly records: readonly AttemptRecord[];
  /** The name of the target that was asked last, or that serves since then; undefined before the first. */
  readonly target: string | undefined;
  /** An estimate of the prompt's tokens. */
  readonly promptTokens: number;
}

/** What the attempts of one request share; an abort of `signal` ends them all. */
export interface OpenAttemptsDeps {
  readonly health: Health;
  readonly timers: TimerQueue;
  readonly signal: AbortSignal;
  /** An estimate of the prompt's tokens, made once for each request: for counts that no target reports. */
  readonly promptTokens: number;
  /** That of the request; absent where it is not traced. */
  readonly span?: Span | undefined;
}

/** Creates it without an open attempt. The owner closes all with `closeOthers(undefined, …)`. */
export function createOpenAttempts(deps: OpenAttemptsDeps): OpenAttempts {
  return new RequestAttempts(deps);
}

class RequestAttempts implements OpenAttempts {
  readonly promptTokens: number;
  begun = false;
  // New lists instead of longer ones: nearly every request has one attempt, and a list that has grown keeps room for 17.
  records: readonly AttemptRecord[] = [];
  target: string | undefined;
  private running: readonly OpenAttempt[] = [];
  private readonly health: Health;
  private readonly timers: TimerQueue;
  private readonly signal: AbortSignal;
  private readonly beginsMs: number;
  private readonly span: Span | undefined;

  constructor({ health, timers, signal, promptTokens, span }: OpenAttemptsDeps) {
    this.promptTokens = promptTokens;
    this.health = health;
    this.timers = timers;
    this.signal = signal;
    this.span = span;
    this.beginsMs = timers.now();
  }

  open(
    candidate: Candidate,
    mode: AttemptRecord['mode'],
    { call, machine }: Asking,
    prefixTokens = 0,
  ): OpenAttempt {
    const { target, model } = candidate;
    const record: AttemptRecord = {
      target: target.name,
      model: model.id,
      mode,
      outcome: 'open',
      deliveredTokens: 0,
      startedMs: this.sinceBegin(),
    };
    this.records = this.records.concat(record);
    this.target = record.target;
    const span =
      this.span === undefined ? undefined : startAttemptSpan(this.span, candidate, mode, call.request);
    const sent = span === undefined ? call : { ...call, traceHeaders: span.headers() };
    const started = startAttempt(candidate, sent, this.timers, this.signal);
    const tracked = this.health.begin(target, this.isFailover(record) ? 'failover' : mode);
    const attempt = call.request.stream
      ? started
      : this.whole(started, candidate, { call, machine }, tracked);
    const opened: OpenAttempt = { candidate, attempt, record, tracked, span, prefixTokens };
    this.running = this.running.concat(opened);
    return opened;
  }

  /** Before the commit, after another target; the same target again is none. */
  private isFailover({ mode, target }: AttemptRecord): boolean {
    return mode === 'first' && this.records.some((earlier) => earlier.target !== target);
  }

  /** The attempt of an answer that does not stream. */
  private whole(
    started: Attempt,
    { model }: Candidate,
    { call, machine }: Asking,
    tracked: TrackedRequest,
  ): Attempt {
    const stallTimeout = () => stallTimeoutMs(model.timeouts.stallMs, machine.canRetry());
    return commitWhenComplete(started, call.request.n, stallTimeout, () => {
      this.begun = true;
      tracked.answered();
    });
  }

  serve({ record, tracked, span }: OpenAttempt): void {
    tracked.answered();
    tracked.committed(this.sinceBegin() - record.startedMs);
    if (span !== undefined) noteFirstChunk(span, this.sinceBegin() - record.startedMs);
    record.outcome = 'served';
    this.target = record.target;
  }

  async close(opened: OpenAttempt, outcome: EndedAttempt): Promise<void> {
    if (!this.running.includes(opened)) return;
    this.running = this.running.filter((one) => one !== opened);
    const { attempt, record, tracked } = opened;
    record.outcome = outcome;
    record.durationMs = this.sinceBegin() - record.startedMs;
    const usage = this.wasTaken(opened) ? this.usageOf(opened) : undefined;
    if (usage !== undefined) record.usage = usage;
    if (attempt.count.tokens > 0) record.hasOutput = true;
    if (outcome === 'served') tracked.succeeded();
    tracked.end(outcome);
    if (opened.span !== undefined) endAttemptSpan(opened.span, record, attempt.count.finishReasons);
    await attempt.close();
  }

  async fail(opened: OpenAttempt, reason: Failure): Promise<void> {
    if (this.running.includes(opened)) {
      opened.record.failure = reason;
      if (countsAgainstHealth(reason)) opened.tracked.failed();
      if (blameOf(reason.code) === 'target') opened.tracked.countFailure(reason.code);
    }
    await this.close(opened, 'failed');
  }

  async closeOthers(kept: OpenAttempt | undefined, outcome: EndedAttempt): Promise<void> {
    for (const opened of this.running) if (opened !== kept) await this.close(opened, outcome);
  }

  /** V8 stores a fraction as an object of its own. */
  private sinceBegin(): number {
    return Math.round(this.timers.now() - this.beginsMs);
  }

  /** The target reads the prompt of an attempt from its request on, and may bill it. */
  private wasTaken({ attempt, record }: OpenAttempt): boolean {
    const { outcome, failure } = record;
    return attempt.count.begun || outcome !== 'failed' || (failure !== undefined && wasTaken(failure));
  }

  private usageOf({ attempt, prefixTokens }: OpenAttempt): Usage {
    const { tokens, usage, exact } = attempt.count;
    return withEstimates(usage, {
      // A prefix is part of the prompt for the target that continues it.
      promptTokens: () => this.promptTokens + prefixTokens,
      completionTokens: () => tokens,
      completionIsCounted: () => exact,
    });
  }
}
