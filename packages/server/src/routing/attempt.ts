import type { TimeoutsConfig } from '../config/config.ts';
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
   * After the commit: the next batch; undefined at the end. Silence for `patienceMs`, counted only while
   * we wait here, ends it with `failed`: a slow client holds us back, not the target.
   */
  next(patienceMs: number): Promise<EventBatch | undefined>;
  /** Whether whoever opened it has stopped it: then its end says nothing of the target. */
  stopped(): boolean;
  close(): Promise<void>;
}

export interface Committed {
  readonly batch: EventBatch;
}

export function openAttempt(
  candidate: Candidate,
  call: Omit<UpstreamCall, 'model'>,
  timeouts: TimeoutsConfig,
  signal: AbortSignal,
): Attempt {
  const { upstream, model } = candidate.target;
  const controller = new AbortController();
  const forward = () => controller.abort();
  signal.addEventListener('abort', forward, { once: true });
  if (signal.aborted) controller.abort();

  let expired: Failure | undefined;
  let begun = false;
  const watchdog = createWatchdog((patienceMs) => {
    expired = begun ? stalled(patienceMs) : noFirstToken(patienceMs);
    controller.abort();
  });

  const events = upstream.open({ ...call, model, connectMs: timeouts.connectMs }, controller.signal);

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
    next: async (patienceMs) => {
      watchdog.arm(patienceMs);
      try {
        const { done, value: batch } = await events.next();
        if (done !== true) return batch;
        return expired === undefined ? undefined : [{ type: 'failed', failure: expired }];
      } finally {
        watchdog.disarm();
      }
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
