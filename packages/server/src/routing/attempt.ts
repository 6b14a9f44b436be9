import { type BatchReceiver, type Pullable, pullOnce } from '../domain/batches.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import type { EventStream, UpstreamCall } from '../upstreams/contract.ts';
import type { Candidate } from './attempt-plan.ts';
import { type AttemptCount, TokenCounter } from './token-count.ts';
import { Watchdog } from './watchdog.ts';

/**
 * One call of one target, with its timeouts. Its events before the commit are held back, so that the caller gets either a
 * committed answer or a failure.
 */
export interface Attempt {
  /**
   * Resolves with all events up to the end of the committing batch, or with the reason why there is no commit. Called once.
   */
  commit(): Promise<Committed | { readonly failure: Failure } | 'aborted'>;
  /**
   * Pulls the next batch after the commit. Where nothing comes within `timeoutMs` of this pull, the attempt ends with `failed`.
   * Time between two pulls does not count: then the client is slow, not the target.
   */
  pull(timeoutMs: number, receiver: BatchReceiver): void;
  /** Whether the run was stopped: then the attempt's end is not a failure of the target. */
  stopped(): boolean;
  /** The tokens and the usage of the events so far. */
  readonly count: AttemptCount;
  /** Ends the call and releases its connection. May be called at any time, more than once. */
  close(): Promise<void>;
}

/** The events of an attempt up to its commit. */
export interface Committed {
  readonly batch: EventBatch;
}

/** {@link Attempt.pull} as a promise; undefined at the attempt's end. */
export async function nextBatch(attempt: Attempt, timeoutMs: number): Promise<EventBatch | undefined> {
  const waiting: Pullable = { pull: (receiver) => attempt.pull(timeoutMs, receiver) };
  return (await pullOnce(waiting)).value;
}

/**
 * Calls the candidate's target. The caller closes the attempt. An abort of `signal` ends it without an event; a timeout
 * closes the stream of the target, which ends the pull that waits.
 */
export function startAttempt(
  candidate: Candidate,
  call: Omit<UpstreamCall, 'model'>,
  timers: TimerQueue,
  signal: AbortSignal,
): Attempt {
  return new WatchedAttempt(candidate, call, timers, signal);
}

class WatchedAttempt extends Watchdog implements Attempt, BatchReceiver {
  readonly count = new TokenCounter();
  private readonly candidate: Candidate;
  private readonly events: EventStream;
  private readonly signal: AbortSignal;
  private waiting: BatchReceiver | undefined;
  private expired: Failure | undefined;
  private begun = false;

  constructor(
    candidate: Candidate,
    call: Omit<UpstreamCall, 'model'>,
    timers: TimerQueue,
    signal: AbortSignal,
  ) {
    super(timers);
    const { target, model } = candidate;
    const { connectMs, stallMs } = model.timeouts;
    this.candidate = candidate;
    this.signal = signal;
    this.events = target.upstream.open({ ...call, model: target.model, connectMs, stallMs }, signal);
  }

  async commit(): ReturnType<Attempt['commit']> {
    const { target, model } = this.candidate;
    const { firstTokenClock } = target.upstream;
    const { firstTokenMs } = model.timeouts;
    const held: StreamEvent[] = [];
    // Not through `this.pull`: one wait of the watchdog covers all pulls before the commit.
    const uncommitted: Pullable = {
      pull: (receiver) => {
        this.waiting = receiver;
        this.events.pull(receiver);
      },
    };
    if (firstTokenClock === 'call') this.arm(firstTokenMs);
    try {
      for (;;) {
        const { done, value: batch } = await pullOnce(uncommitted);
        if (done === true) {
          if (this.expired !== undefined) return { failure: this.expired };
          if (this.signal.aborted) return 'aborted';
          return {
            failure: failure('upstream_protocol', 'The upstream ended its answer before it began.'),
          };
        }
        this.count.add(batch);
        const failed = batch.find((event) => event.type === 'failed');
        const committed = batch.some(commits);
        // Where the same batch has deltas before the failure, the answer commits and is then torn.
        if (failed !== undefined && !committed) return { failure: beforeCommit(failed.failure) };
        // Not `push(...batch)`: a batch may hold more events than a call can have arguments.
        for (const event of batch) held.push(event);
        if (committed) {
          this.begun = true;
          return { batch: held };
        }
        if (firstTokenClock === 'start' && batch.some((event) => event.type === 'start')) {
          this.arm(firstTokenMs);
        }
      }
    } finally {
      this.disarm();
    }
  }

  pull(timeoutMs: number, receiver: BatchReceiver): void {
    this.waiting = receiver;
    this.arm(timeoutMs);
    this.events.pull(this);
  }

  stopped(): boolean {
    return this.signal.aborted;
  }

  async close(): Promise<void> {
    this.releaseTimer();
    await this.events.close();
  }

  batch(batch: EventBatch): void {
    this.count.add(batch);
    this.takeReceiver().batch(batch);
  }

  end(): void {
    const receiver = this.takeReceiver();
    if (this.expired === undefined) receiver.end();
    else receiver.batch([{ type: 'failed', failure: this.expired }]);
  }

  broke(bug: unknown): void {
    this.takeReceiver().broke(bug);
  }

  protected expire(timeoutMs: number): void {
    this.expired = this.begun ? stalled(timeoutMs) : noFirstToken(timeoutMs);
    this.events.close().catch((bug: unknown) => this.waiting?.broke(bug));
  }

  /** The receiver of the pull that is answered now. */
  private takeReceiver(): BatchReceiver {
    this.disarm();
    const receiver = this.waiting ?? never();
    this.waiting = undefined;
    return receiver;
  }
}

function noFirstToken(timeoutMs: number): Failure {
  return failure('first_token_timeout', `No first token within ${timeoutMs} ms.`);
}

function stalled(timeoutMs: number): Failure {
  return failure('stall_timeout', `The answer stalled: nothing came for ${timeoutMs} ms.`);
}

/** A connection that breaks before the commit is a refusal, not a cut: the client has nothing of the answer. */
function beforeCommit(reason: Failure): Failure {
  return reason.code === 'upstream_cut' ? { ...reason, code: 'upstream_refused' } : reason;
}

function never(): never {
  throw new Error('an upstream answered an attempt that had not pulled');
}
