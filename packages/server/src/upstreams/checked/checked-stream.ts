import type { BatchReceiver } from '../../domain/batches.ts';
import type { Failure } from '../../domain/failure.ts';
import { commits, type EventBatch, type FinishEvent } from '../../domain/stream-event.ts';
import type { EventStream } from '../contract.ts';
import type { AnswerCheck } from './answer-check.ts';

/** What a checked stream needs. */
export interface CheckedCall {
  readonly check: AnswerCheck;
  /** Returns the failure where the answer cannot be checked; called before the upstream is asked. Undefined: it can be. */
  readonly problem: (() => Promise<Failure | undefined>) | undefined;
  /** Opens the answer of the upstream. Called at most once, and dropped then: it holds the request with its messages. */
  readonly open: () => EventStream;
  /** A pull that has waited for a check this long, in milliseconds, gets an empty batch: a sign of life. */
  readonly signOfLifeMs: number | undefined;
  /** Called when the stream is closed or aborted. It drops a task that still waits for the thread. */
  readonly onClosed: () => void;
}

/**
 * Opens an answer whose finishes are held until their choices are checked.
 *
 *     new ──no problem──▶ reading ──a finish──▶ judging ──right──▶ reading
 *      └──a problem──▶ failed                      └────wrong──▶ failed
 *
 * A promise is made for the schema and for each finish only, not for other events.
 */
export function openCheckedStream(call: CheckedCall, signal: AbortSignal): EventStream {
  return new CheckedStream(call, signal);
}

class CheckedStream implements EventStream, BatchReceiver {
  private readonly check: AnswerCheck;
  private readonly problem: CheckedCall['problem'];
  private readonly signOfLifeMs: number | undefined;
  private readonly onClosed: CheckedCall['onClosed'];
  /** Undefined once the upstream was asked. */
  private open: CheckedCall['open'] | undefined;
  private readonly signal: AbortSignal;
  private answer: EventStream | undefined;
  private receiver: BatchReceiver | undefined;
  /** True while a check runs: the pull waits for it and not for the answer. */
  private checking = false;
  /** The batch of a check that ended while no pull waited. */
  private checked: EventBatch | undefined;
  private signOfLife: NodeJS.Timeout | undefined;
  /** True once an event that commits was handed on. */
  private committed = false;
  /** True once no batch follows. */
  private over = false;
  /** True once the stream is closed or aborted. */
  private left = false;

  constructor(call: CheckedCall, signal: AbortSignal) {
    this.check = call.check;
    this.problem = call.problem;
    this.signOfLifeMs = call.signOfLifeMs;
    this.onClosed = call.onClosed;
    this.open = call.open;
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
        if (!this.check.add(event) || event.type !== 'finish') continue;
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

  /** Ends the stream. It does not wait for a running check, which may take seconds. */
  private readonly leave = (): void => {
    this.over = true;
    this.left = true;
    this.checked = undefined;
    this.onClosed();
    if (this.checking) this.end();
  };

  private begin(): void {
    const { problem } = this;
    if (problem === undefined) this.read();
    else {
      this.checkFirst(problem(), (reason) => {
        if (reason === undefined) this.read();
        else this.handOn(this.failed(reason));
      });
    }
  }

  private read(): void {
    this.answer = this.open?.();
    this.open = undefined;
    this.answer?.pull(this);
  }

  /** Makes the pull wait for a check, and then calls `then`. */
  private checkFirst<Verdict>(check: Promise<Verdict>, then: (verdict: Verdict) => void): void {
    this.checking = true;
    check
      .then((verdict) => {
        this.checking = false;
        if (!this.left) then(verdict);
      })
      .catch((bug: unknown) => this.broke(bug));
  }

  /**
   * Checks the finishes of a batch in their order. After the commit, the events before the first wrong finish remain; before the
   * commit, only the failure is returned.
   */
  private async judge(batch: EventBatch, finishes: readonly FinishEvent[]): Promise<EventBatch> {
    for (const finish of finishes) {
      const reason = await this.check.judge(finish);
      if (this.left) return [];
      if (reason === undefined) continue;
      await this.answer?.close();
      // Before the commit only the failure is handed on: no event has left, and another target may be tried.
      const before = this.committed ? batch.slice(0, batch.indexOf(finish)) : [];
      return [...before, ...this.failed(reason)];
    }
    return batch;
  }

  private failed(reason: Failure): EventBatch {
    this.over = true;
    return [{ type: 'failed', failure: reason }];
  }

  /** Starts the timer for the sign of life: the wait for a check must not be taken for a silence of the upstream. */
  private awaitVerdict(): void {
    const { signOfLifeMs } = this;
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
