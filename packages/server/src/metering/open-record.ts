import { type Usage, type UsageEstimates, withEstimates } from '../domain/usage.ts';
import type { Ledger } from '../ledger/contract.ts';
import type { LimitLease } from '../limits/contract.ts';
import { type AttemptRecord, answeredLast } from '../routing/open-attempts.ts';
import type { Source } from '../routing/source.ts';
import type { AttemptEntry, Intent, Progress, Settled } from '../storage/contract.ts';
import type { Instruments, ModelLabel } from '../telemetry/contract.ts';
import { deliveredShares, firstToCommit, requestCostMicroUsd } from './charge.ts';
import type { LikelyCompletion } from './likely-completion.ts';
import type { Prices } from './prices.ts';

/** How a request ended, as its record needs it: the outcome of its run. */
export interface RecordedOutcome {
  readonly status: Settled['status'];
  readonly usage?: Usage;
  readonly ttftMs?: number;
  readonly target?: string;
  readonly attempts: readonly AttemptRecord[];
}

/** The part of a source from which progress is read. */
export type WatchedSource = UsageEstimates & Pick<Source, 'served' | 'reported' | 'attempts'>;

/** The records of the requests that run now. */
export interface OpenRecords {
  readonly ledger: Pick<Ledger, 'progress' | 'settle'>;
  readonly prices: Prices;
  readonly likely: LikelyCompletion;
  readonly open: Set<OpenRecord>;
  /** What all requests use, counted while it is delivered. */
  readonly instruments: Pick<
    Instruments,
    'promptTokens' | 'completionTokens' | 'cachedTokens' | 'reasoningTokens' | 'spentMicroUsd' | 'ttftMs'
  >;
  /** What the instruments call a model: some ids are made up by clients. */
  labelOf(modelId: string): ModelLabel;
  /** Unix milliseconds. */
  clock(): number;
}

type CountedUsage = Pick<Usage, 'promptTokens' | 'completionTokens' | 'cachedTokens' | 'reasoningTokens'>;

/** What the record needs to know of a request besides its intent. */
interface AskedRecord {
  /** The public id of the model. */
  readonly modelId: string;
  readonly n: number;
  readonly stream: boolean;
}

/**
 * The usage record of one request, from its admission to its end. It is settled once, whatever happens: the caller calls
 * `settle` where a run has ended, and `cancel` where none has started.
 */
export class OpenRecord {
  private readonly records: OpenRecords;
  private readonly facts: Omit<Intent, 'processId' | 'reserved'>;
  private readonly lease: LimitLease;
  private readonly asked: AskedRecord;
  private source: WatchedSource | undefined;
  private reportedTokens = -1;
  /** What the instruments have of it. */
  private countedPrompt = 0;
  private countedCompletion = 0;
  private countedMicroUsd = 0;
  private countedCached = 0;
  private countedReasoning = 0;
  private ttftMs: number | undefined;
  private ended = false;

  constructor(
    records: OpenRecords,
    facts: Omit<Intent, 'processId' | 'reserved'>,
    lease: LimitLease,
    asked: AskedRecord,
  ) {
    this.records = records;
    this.facts = facts;
    this.lease = lease;
    this.asked = asked;
    records.open.add(this);
  }

  /** The source of the run's answer. */
  watch<S extends WatchedSource>(source: S): S {
    this.source = source;
    return source;
  }

  /**
   * The answer has committed: its output is about to be sent. A process that is killed from now on leaves a record with the
   * status `cut`.
   */
  committed(): void {
    const mark = this.progress();
    if (mark !== undefined) this.records.ledger.progress([mark]);
  }

  /** What has been delivered, where that has changed since the last call; undefined before the commit. */
  progress(): Progress | undefined {
    const { source, facts } = this;
    const served = source?.served();
    if (source === undefined || served === undefined || this.ended) return undefined;
    const completionTokens = source.completionTokens();
    if (completionTokens === this.reportedTokens) return undefined;
    this.reportedTokens = completionTokens;
    const usage = withEstimates(source.reported(), source);
    const { id, createdAtMs } = facts;
    const attempts = withDelivered(source.attempts(), completionTokens);
    const ended = { status: 'cut', usage, attempts, target: served.target } as const;
    const costMicroUsd = requestCostMicroUsd(ended, this.records.prices);
    const target = answeredLast(attempts)?.target ?? served.target;
    const { promptTokens } = usage;
    const atMs = this.records.clock();
    this.count(usage, costMicroUsd);
    // The first progress is that of the commit.
    if (this.ttftMs === undefined) {
      this.ttftMs = Math.max(0, atMs - createdAtMs);
      // An answer that does not stream commits when it is complete: that is no time to a first token.
      if (this.asked.stream) this.records.instruments.ttftMs.of(this.label()).note(this.ttftMs);
    }
    return {
      id,
      createdAtMs,
      target,
      promptTokens,
      completionTokens: usage.completionTokens,
      costMicroUsd,
      atMs,
      ttftMs: this.ttftMs,
    };
  }

  /** The run has ended. */
  settle(outcome: RecordedOutcome): void {
    if (this.ended) return;
    if (outcome.attempts.length === 0) this.cancel();
    else {
      this.end();
      const record = this.recordOf(outcome);
      this.count(record, record.costMicroUsd);
      if (record.status === 'completed') {
        this.records.likely.note(this.asked.modelId, record.completionTokens, this.asked.n);
      }
      this.records.ledger.settle({ type: 'settled', record, lease: this.lease });
    }
  }

  /** No target was asked: there is nothing to record. */
  cancel(): void {
    if (this.ended) return;
    this.end();
    const { id, createdAtMs } = this.facts;
    this.records.ledger.settle({ type: 'nothing', id, createdAtMs, lease: this.lease });
  }

  /** Counts what has come since the last call. Estimates may have been too high: then an amount is negative. */
  private count(usage: CountedUsage, costMicroUsd: number): void {
    const { promptTokens, completionTokens, cachedTokens = 0, reasoningTokens = 0 } = usage;
    const { instruments } = this.records;
    const label = this.label();
    instruments.promptTokens.of(label).add(promptTokens - this.countedPrompt);
    instruments.completionTokens.of(label).add(completionTokens - this.countedCompletion);
    instruments.spentMicroUsd.of(label).add(costMicroUsd - this.countedMicroUsd);
    instruments.cachedTokens.of(label).add(cachedTokens - this.countedCached);
    instruments.reasoningTokens.of(label).add(reasoningTokens - this.countedReasoning);
    this.countedPrompt = promptTokens;
    this.countedCompletion = completionTokens;
    this.countedMicroUsd = costMicroUsd;
    this.countedCached = cachedTokens;
    this.countedReasoning = reasoningTokens;
  }

  private label(): ModelLabel {
    return this.records.labelOf(this.asked.modelId);
  }

  private end(): void {
    this.ended = true;
    this.source = undefined;
    this.records.open.delete(this);
  }

  private recordOf(outcome: RecordedOutcome): Settled {
    const { status, usage, ttftMs, target, attempts } = outcome;
    const { facts, records } = this;
    const settledAtMs = records.clock();
    const served = firstToCommit(attempts, target) ?? attempts.at(-1);
    const shares = deliveredShares(usage?.completionTokens ?? 0, attempts);
    return {
      ...facts,
      servedModel: served?.model ?? facts.model,
      target: answeredLast(attempts)?.target ?? target ?? '',
      status,
      promptTokens: usage?.promptTokens ?? 0,
      completionTokens: usage?.completionTokens ?? 0,
      cachedTokens: usage?.cachedTokens ?? 0,
      cacheWriteTokens: usage?.cacheWriteTokens ?? 0,
      reasoningTokens: usage?.reasoningTokens ?? 0,
      estimated: usage?.estimated === true,
      costMicroUsd: requestCostMicroUsd(outcome, records.prices),
      attempts: attempts.length,
      attemptLog: attempts.map((attempt, at) => entryOf(attempt, shares?.[at] ?? 0)),
      takeovers: attempts.filter(({ mode }) => mode === 'prefix' || mode === 'replay').length,
      ...(ttftMs === undefined ? {} : { ttftMs: Math.round(ttftMs) }),
      durationMs: Math.max(0, settledAtMs - facts.createdAtMs),
      settledAtMs,
    };
  }
}

/** Attempts of an answer that runs: what the serving one has delivered is noted only when it is closed. */
function withDelivered(attempts: readonly AttemptRecord[], all: number): readonly AttemptRecord[] {
  const before = attempts.reduce((sum, { deliveredTokens }) => sum + deliveredTokens, 0);
  return attempts.map((attempt) =>
    attempt.outcome === 'served' ? { ...attempt, deliveredTokens: all - before } : attempt,
  );
}

function entryOf(attempt: AttemptRecord, deliveredTokens: number): AttemptEntry {
  const { target, outcome, usage, mode, failure, startedMs, durationMs } = attempt;
  return {
    target,
    outcome,
    prompt_tokens: usage?.promptTokens ?? 0,
    completion_tokens: usage?.completionTokens ?? 0,
    estimated: usage?.estimated === true,
    mode,
    ...(failure === undefined ? {} : { code: failure.code }),
    delivered_tokens: deliveredTokens,
    started_ms: startedMs,
    ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
  };
}
