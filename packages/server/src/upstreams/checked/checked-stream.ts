import type { BatchReceiver } from '../../domain/batches.ts';
import type { Failure } from '../../domain/failure.ts';
import { commits, type EventBatch, type FinishEvent } from '../../domain/stream-event.ts';
import type { EventStream } from '../contract.ts';
import type { AnswerCheck } from './answer-check.ts';

export interface CheckedCall {
  readonly check: AnswerCheck;
  /** Finds why the answer could not be checked, before the upstream is asked. Absent: it can be. */
  readonly problem: (() => Promise<Failure | undefined>) | undefined;
  /** Opens the answer of the upstream. */
  open(): EventStream;
  /** A pull gets an empty batch, a sign of life, when the check of a finish keeps it waiting for so long. */
  readonly signOfLifeMs: number | undefined;
  /** Called when the check is not wanted any more: a task that waits for its turn is dropped. */
  onLeft(): void;
}

/**
 * An answer whose finishes wait until what came before them has been judged.
 *
 *     new ──no problem──▶ reading ──a finish──▶ judging ──right──▶ reading
 *      └──a problem──▶ failed                      └────wrong──▶ failed
 *
 * The schema and each finish take a promise; no other event does.
 */
export function openCheckedStream(call: CheckedCall, signal: AbortSignal): EventStream {
  return new CheckedStream(call, signal);
}

class CheckedStream implements EventStream, BatchReceiver {
  private readonly call: CheckedCall;
  private readonly signal: AbortSignal;
  private answer: EventStream | undefined;
  private receiver: BatchReceiver | undefined;
  /** A check is under way: it, and not the answer, answers the pull. */
  private checking = false;
  /** What a check has come to while no pull waited. */
  private checked: EventBatch | undefined;
  private signOfLife: NodeJS.Timeout | undefined;
  /** Something that commits was handed on. */
  private committed = false;
  /** Nothing more comes. */
  private over = false;
  /** The caller wants nothing more. */
  private left = false;

  constructor(call: CheckedCall, signal: AbortSignal) {
    this.call = call;
    this.signal = signal;
    if (signal.aborted) this.over = true;
    else signal.addEventListener('abort', this.leave);
  }

  pull(receiver: BatchReceiver): void {
    this.receiver = receiver;
    if (this.checked !== undefined) this.handOn(this.checked);
    else if (this.over) this.end();
    else if (this.checking) this.awaitVerdict();
    else if (this.answer !== undefined) this.answer.pull(this);
    else this.begin();
  }

  async close(): Promise<void> {
    this.leave();
    this.signal.removeEventListener('abort', this.leave);
    await this.answer?.close();
  }

  batch(batch: EventBatch): void {
    let finishes: FinishEvent[] | undefined;
    try {
      for (const event of batch) {
        if (!this.call.check.add(event) || event.type !== 'finish') continue;
        finishes ??= [];
        finishes.push(event);
      }
    } catch (bug) {
      this.broke(bug);
      return;
    }
    if (finishes === undefined) this.handOn(batch);
    else {
      this.checkFirst(this.judge(batch, finishes), (judged) => this.handOn(judged));
      this.awaitVerdict();
    }
  }

  end(): void {
    this.takeReceiver()?.end();
  }

  broke(bug: unknown): void {
    this.takeReceiver()?.broke(bug);
  }

  /** A check may still take seconds; a caller that has left does not wait for it. */
  private readonly leave = (): void => {
    this.over = true;
    this.left = true;
    this.checked = undefined;
    this.call.onLeft();
    if (this.checking) this.end();
  };

  private begin(): void {
    const { problem } = this.call;
    if (problem === undefined) this.read();
    else {
      this.checkFirst(problem(), (reason) => {
        if (reason === undefined) this.read();
        else this.handOn(this.failed(reason));
      });
    }
  }

  private read(): void {
    this.answer = this.call.open();
    this.answer.pull(this);
  }

  /** The pull waits for a check, not for the answer. */
  private checkFirst<Verdict>(check: Promise<Verdict>, then: (verdict: Verdict) => void): void {
    this.checking = true;
    check
      .then((verdict) => {
        this.checking = false;
        if (!this.left) then(verdict);
      })
      .catch((bug: unknown) => this.broke(bug));
  }

  /** Each finish of a batch in its order; what comes before the first wrong one stands. */
  private async judge(batch: EventBatch, finishes: readonly FinishEvent[]): Promise<EventBatch> {
    for (const finish of finishes) {
      const reason = await this.call.check.judge(finish);
      if (this.left) return [];
      if (reason === undefined) continue;
      await this.answer?.close();
      // Before the commit no event has left, so the failure alone is handed on and another target may be tried.
      const before = this.committed ? batch.slice(0, batch.indexOf(finish)) : [];
      return [...before, ...this.failed(reason)];
    }
    return batch;
  }

  private failed(reason: Failure): EventBatch {
    this.over = true;
    return [{ type: 'failed', failure: reason }];
  }

  /** A check takes its time, and is no silence of the upstream: its answer is here. */
  private awaitVerdict(): void {
    const { signOfLifeMs } = this.call;
    if (signOfLifeMs === undefined || !this.checking) return;
    this.signOfLife = setTimeout(() => this.takeReceiver()?.batch([]), signOfLifeMs);
  }

  private handOn(batch: EventBatch): void {
    if (this.receiver === undefined) {
      this.checked = batch;
      return;
    }
    this.checked = undefined;
    this.committed ||= batch.some(commits);
    this.takeReceiver()?.batch(batch);
  }

  private takeReceiver(): BatchReceiver | undefined {
    clearTimeout(this.signOfLife);
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}
