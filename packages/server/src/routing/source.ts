import type { ErrorCode } from '@tailrace/protocol';
import type { Failure } from '../domain/failure.ts';
import type { EventBatch } from '../domain/stream-event.ts';
import type { EventStream, UpstreamCall } from '../upstreams/contract.ts';
import { type Attempt, openAttempt } from './attempt.ts';
import type { Candidate } from './attempt-plan.ts';

/**
 * One answer, however many targets it took: a single sequence of batches whose first one is the commit.
 * What failed before the commit was invisible; when everything failed, the only batch is `failed`.
 * The relay sees this and nothing of targets.
 */
export interface Source extends EventStream {
  /** Who serves, known from the first batch on. */
  served(): Served | undefined;
  /** Every target asked so far, for the log and later the usage record. */
  attempts(): readonly AttemptRecord[];
}

export interface Served {
  /** The public id of the fallback that serves; absent where it is the model that was asked for. */
  readonly fellBackTo?: string;
  /** Upstream and model there, `lab/llama-3.1-8b`. */
  readonly target: string;
}

export interface AttemptRecord {
  readonly target: string;
  /** Absent while it runs, and where it served. */
  failure?: Failure;
}

export function openSource(
  candidates: readonly Candidate[],
  call: Omit<UpstreamCall, 'model'>,
  signal: AbortSignal,
): Source {
  const attempts: AttemptRecord[] = [];
  let current: Attempt | undefined;
  let served: Served | undefined;
  let ended = false;

  const firstBatch = async (): Promise<EventBatch | undefined> => {
    let last: Failure | undefined;
    for (const candidate of candidates) {
      const target = targetName(candidate);
      const record: AttemptRecord = { target };
      attempts.push(record);
      const attempt = openAttempt(candidate, call, candidate.model.timeouts, signal);
      current = attempt;
      const outcome = await attempt.commit();
      if (outcome === 'aborted' || signal.aborted) return undefined;
      if ('batch' in outcome) {
        const fellBack = candidate.fallback;
        served = { target, ...(fellBack ? { fellBackTo: candidate.model.id } : {}) };
        return outcome.batch;
      }
      record.failure = outcome.failure;
      last = outcome.failure;
      await attempt.close();
      if (!anotherTargetMayHelp(outcome.failure.code)) break;
    }
    return last === undefined ? undefined : [{ type: 'failed', failure: last }];
  };

  return {
    served: () => served,
    attempts: () => attempts,
    next: async () => {
      if (ended) return { done: true, value: undefined };
      const batch = served === undefined ? await firstBatch() : await current?.next();
      ended = batch === undefined || served === undefined;
      return batch === undefined ? { done: true, value: undefined } : { done: false, value: batch };
    },
    return: async () => {
      ended = true;
      await current?.close();
      return { done: true, value: undefined };
    },
  };
}

export function targetName({ target }: Candidate): string {
  return `${target.upstream.name}/${target.model}`;
}

/** What the caller did wrong stays wrong elsewhere; what the target did wrong need not. */
function anotherTargetMayHelp(code: ErrorCode): boolean {
  switch (code) {
    case 'upstream_refused':
    case 'upstream_protocol':
    case 'upstream_auth':
    case 'upstream_cut':
    case 'overloaded':
    case 'no_healthy_upstream':
    case 'rate_limit_exceeded':
    case 'insufficient_quota':
    case 'first_token_timeout':
    case 'stall_timeout':
      return true;
    default:
      return false;
  }
}
