import type { TimeoutsConfig } from '../config/config.ts';
import { type BatchReceiver, type Pullable, pullOnce } from '../domain/batches.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import type { EventStream, Upstream, UpstreamCall } from '../upstreams/contract.ts';
import type { Candidate } from './attempt-plan.ts';
import { type AttemptCount, TokenCounter } from './token-count.ts';
import { createWatchdog, type Watchdog } from './watchdog.ts';

/**
 * One call of one target, its clocks watched. What it brings before the commit is held, so that the caller
 * sees either a committed answer or a failure.
 */
export interface Attempt {
  /** Everything up to and including the batch that commits; or why it never came to that. */
  commit(): Promise<Committed | { readonly failure: Failure } | 'aborted'>;
  /**
   * After the commit: the next batch. Silence for `timeoutMs`, counted only while we wait here, ends it with
   * `failed`: a slow client holds us back, not the target.
   */
  pull(timeoutMs: number, receiver: BatchReceiver): void;
  /** Whether it was stopped from outside: then its end says nothing of the target. */
  stopped(): boolean;
  /** What it has said so far. */
  readonly count: AttemptCount;
  close(): Promise<void>;
}

export interface Committed {
  readonly batch: EventBatch;
}

export interface AttemptDeps {
  readonly timeouts: TimeoutsConfig;
  /** Monotonic milliseconds. */
  now(): number;
}

/** The next batch of a committed attempt as a promise; undefined at its end. */
export async function nextBatch(attempt: Attempt, timeoutMs: number): Promise<EventBatch | undefined> {
  const waiting: Pullable = { pull: (receiver) => attempt.pull(timeoutMs, receiver) };
  return (await pullOnce(waiting)).value;
}

export function startAttempt(
  candidate: Candidate,
  call: Omit<UpstreamCall, 'model'>,
  deps: AttemptDeps,
  signal: AbortSignal,
): Attempt {
  return new WatchedAttempt(candidate, call, deps, signal);
}

class WatchedAttempt implements Attempt, BatchReceiver {
  readonly count = new TokenCounter();
  private readonly watchdog: Watchdog;
  private readonly events: EventStream;
  private waiting: BatchReceiver | undefined;
  private expired: Failure | undefined;
  private begun = false;
  private readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly firstTokenClock: Upstream['firstTokenClock'];
  private readonly firstTokenMs: number;

  constructor(
    { target }: Candidate,
    call: Omit<UpstreamCall, 'model'>,
    { timeouts, now }: AttemptDeps,
    signal: AbortSignal,
  ) {
    const { upstream, model } = target;
    this.signal = signal;
    this.firstTokenClock = upstream.firstTokenClock;
    this.firstTokenMs = timeouts.firstTokenMs;
    signal.addEventListener('abort', this.forward, { once: true });
    if (signal.aborted) this.controller.abort();
    this.watchdog = createWatchdog({
      onExpired: (timeoutMs) => {
        this.expired = this.begun ? stalled(timeoutMs) : noFirstToken(timeoutMs);
        this.controller.abort();
      },
      now,
    });
    const { connectMs, stallMs } = timeouts;
    this.events = upstream.open({ ...call, model, connectMs, patienceMs: stallMs }, this.controller.signal);
  }

  async commit(): ReturnType<Attempt['commit']> {
    const held: StreamEvent[] = [];
    if (this.firstTokenClock === 'call') this.watchdog.arm(this.firstTokenMs);
    try {
      for (;;) {
        const { done, value: batch } = await pullOnce(this.events);
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
        // A failure behind deltas of the same batch tears a committed stream; alone it is still invisible.
        if (failed !== undefined && !committed) return { failure: beforeCommit(failed.failure) };
        // Not spread: a batch may hold more events than a call takes arguments.
        for (const event of batch) held.push(event);
        if (committed) {
          this.begun = true;
          return { batch: held };
        }
        if (this.firstTokenClock === 'start' && batch.some((event) => event.type === 'start')) {
          this.watchdog.arm(this.firstTokenMs);
        }
      }
    } finally {
      this.watchdog.disarm();
    }
  }

  pull(timeoutMs: number, receiver: BatchReceiver): void {
    this.waiting = receiver;
    this.watchdog.arm(timeoutMs);
    this.events.pull(this);
  }

  stopped(): boolean {
    return this.signal.aborted;
  }

  async close(): Promise<void> {
    this.watchdog.close();
    this.signal.removeEventListener('abort', this.forward);
    this.controller.abort();
    await this.events.close();
  }

  batch(batch: EventBatch): void {
    this.count.add(batch);
    this.whoWaits().batch(batch);
  }

  end(): void {
    const receiver = this.whoWaits();
    if (this.expired === undefined) receiver.end();
    else receiver.batch([{ type: 'failed', failure: this.expired }]);
  }

  broke(bug: unknown): void {
    this.whoWaits().broke(bug);
  }

  private readonly forward = () => this.controller.abort();

  private whoWaits(): BatchReceiver {
    this.watchdog.disarm();
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

/** Nothing was cut where nothing had been said: a target that dies before its answer has refused it. */
function beforeCommit(reason: Failure): Failure {
  return reason.code === 'upstream_cut' ? { ...reason, code: 'upstream_refused' } : reason;
}

function never(): never {
  throw new Error('an attempt told of a batch that nobody had pulled');
}
