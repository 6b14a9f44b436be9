import type { TimeoutsConfig } from '../config/config.ts';
import { type BatchReceiver, type Pullable, pullFrom, pullOnce } from '../domain/batches.ts';
import { type Failure, failure } from '../domain/failure.ts';
import { commits, type EventBatch, type StreamEvent } from '../domain/stream-event.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import type { Candidate } from './attempt-plan.ts';
import { createWatchdog } from './watchdog.ts';

/**
 * One call of one target, its clocks watched. What it brings before the commit is held, so that the caller
 * sees either a committed answer or a failure.
 */
export interface Attempt {
  /** Everything up to and including the batch that commits; or why it never came to that. */
  commit(): Promise<Committed | { readonly failure: Failure } | 'aborted'>;
  /**
   * After the commit: the next batch. Silence for `patienceMs`, counted only while we wait here, ends it with
   * `failed`: a slow client holds us back, not the target.
   */
  pull(patienceMs: number, receiver: BatchReceiver): void;
  /** Whether whoever opened it has stopped it: then its end says nothing of the target. */
  stopped(): boolean;
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
export async function nextBatch(attempt: Attempt, patienceMs: number): Promise<EventBatch | undefined> {
  const waiting: Pullable = { pull: (receiver) => attempt.pull(patienceMs, receiver) };
  return (await pullOnce(waiting)).value;
}

export function openAttempt(
  candidate: Candidate,
  call: Omit<UpstreamCall, 'model'>,
  { timeouts, now }: AttemptDeps,
  signal: AbortSignal,
): Attempt {
  const { upstream, model } = candidate.target;
  const controller = new AbortController();
  const forward = () => controller.abort();
  signal.addEventListener('abort', forward, { once: true });
  if (signal.aborted) controller.abort();

  let expired: Failure | undefined;
  let begun = false;
  const watchdog = createWatchdog({
    onExpired: (patienceMs) => {
      expired = begun ? stalled(patienceMs) : noFirstToken(patienceMs);
      controller.abort();
    },
    now,
  });

  const { connectMs, stallMs } = timeouts;
  const asked: UpstreamCall = { ...call, model, connectMs, patienceMs: stallMs };
  const events = upstream.open(asked, controller.signal);

  let waiting: BatchReceiver | undefined;
  const whoWaits = (): BatchReceiver => {
    watchdog.disarm();
    const receiver = waiting ?? never();
    waiting = undefined;
    return receiver;
  };
  /** One for all reads: what the hot path needs of an attempt. */
  const reads: BatchReceiver = {
    batch: (batch) => whoWaits().batch(batch),
    end: () => {
      const receiver = whoWaits();
      if (expired === undefined) receiver.end();
      else receiver.batch([{ type: 'failed', failure: expired }]);
    },
    broke: (bug) => whoWaits().broke(bug),
  };

  return {
    commit: async () => {
      const held: StreamEvent[] = [];
      if (upstream.firstTokenClock === 'call') watchdog.arm(timeouts.firstTokenMs);
      try {
        for (;;) {
          const { done, value: batch } = await events.next();
          if (done === true) {
            if (expired !== undefined) return { failure: expired };
            if (signal.aborted) return 'aborted';
            return {
              failure: failure('upstream_protocol', 'The upstream ended its answer before it began.'),
            };
          }
          const failed = batch.find((event) => event.type === 'failed');
          const committed = batch.some(commits);
          // A failure behind deltas of the same batch tears a committed stream; alone it is still invisible.
          if (failed !== undefined && !committed) return { failure: beforeCommit(failed.failure) };
          held.push(...batch);
          if (committed) {
            begun = true;
            return { batch: held };
          }
          if (upstream.firstTokenClock === 'start' && batch.some((event) => event.type === 'start')) {
            watchdog.arm(timeouts.firstTokenMs);
          }
        }
      } finally {
        watchdog.disarm();
      }
    },
    pull: (patienceMs, receiver) => {
      waiting = receiver;
      watchdog.arm(patienceMs);
      pullFrom(events, reads);
    },
    stopped: () => signal.aborted,
    close: async () => {
      watchdog.close();
      signal.removeEventListener('abort', forward);
      controller.abort();
      await events.return();
    },
  };
}

function noFirstToken(patienceMs: number): Failure {
  return failure('first_token_timeout', `No first token within ${patienceMs} ms.`);
}

function stalled(patienceMs: number): Failure {
  return failure('stall_timeout', `The answer stalled: nothing came for ${patienceMs} ms.`);
}

/** Nothing was cut where nothing had been said: a target that dies before its answer has refused it. */
function beforeCommit(reason: Failure): Failure {
  return reason.code === 'upstream_cut' ? { ...reason, code: 'upstream_refused' } : reason;
}

function never(): never {
  throw new Error('an attempt told of a batch that nobody had pulled');
}
