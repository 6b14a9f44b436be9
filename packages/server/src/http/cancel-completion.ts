import { causeOfBug } from '../domain/cause.ts';
import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import type { CancelOrder, EndedStatus, Peers } from '../peers/contract.ts';
import { cancelRun } from '../relay/cancel-run.ts';
import type { RunRegistry } from '../relay/run-registry.ts';
import type { StoreReads } from '../storage/contract.ts';
import type { UsageRecord } from '../storage/records.ts';

export interface CancelDeps {
  readonly runs: Pick<RunRegistry, 'get'>;
  readonly peers: Pick<Peers, 'cancel'>;
  /** A read waits for all that was settled in this process before it. */
  readonly ledger: Pick<StoreReads, 'records'>;
  /** Monotonic milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

/** How long after each look that has found the record open the next one comes. */
const waitsMs = [50, 150, 300];
/** No look begins later than this. */
const lastLookMs = 1_000;

/**
 * Stops a completion wherever it runs. Resolves with the status of its record, also where it has ended before. Failures:
 * `completion_not_found`, the same for an id that there is not and for one of another key; `storage_unavailable` where the
 * records cannot be read, or where the record is open and no process that can be reached runs the completion.
 *
 *     this process ──not here──▶ its peers ──not there──▶ the record ──settled──▶ its status
 *           ▲                                                 └─open─┐
 *           └───────────────── a moment later ───────────────────────┘
 *
 * An open record without a run is that of a request which is about to start, or of a run that has just ended on another replica:
 * then the next look finds the run, or the settled record. Else its process was killed and the others will close its record, or
 * it lives and cannot be reached from here. Nothing can be said of such a completion but that it is not known whether it runs.
 */
export async function cancelCompletion(deps: CancelDeps, order: CancelOrder): Promise<Result<EndedStatus>> {
  const { runs, peers, ledger, now, wait } = deps;
  const lastMs = now() + lastLookMs;
  for (let looks = 0; ; looks += 1) {
    const ended = (await cancelRun(runs, order)) ?? (await peers.cancel(order));
    if (ended !== undefined) return ok(ended);
    let record: UsageRecord | undefined;
    try {
      [record] = (await ledger.records({ ...order, limit: 1 })).data;
    } catch (error) {
      return fail(unreadable(error));
    }
    if (record === undefined) return fail(unknownCompletion(order));
    if (record.status !== 'open') return ok(record.status);
    const waitMs = waitsMs[looks];
    if (waitMs === undefined || now() > lastMs) return fail(notReached);
    await wait(waitMs);
  }
}

function unknownCompletion({ keyId }: CancelOrder): Failure {
  const message =
    keyId === undefined
      ? 'There is no completion with this id.'
      : 'There is no completion with this id, or it belongs to another key.';
  return failure('completion_not_found', message);
}

const notReached = failure(
  'storage_unavailable',
  'This completion has no end on record, and no server that can be reached from here runs it. If its server has died, the record ' +
    'is closed within some seconds. Ask again then.',
  { retryAfterMs: 5_000 },
);

function unreadable(error: unknown): Failure {
  const message =
    'No server that can be reached from here runs this completion, and the usage records cannot be read now. Ask again.';
  return failure('storage_unavailable', message, { retryAfterMs: 1_000, ...causeOfBug(error) });
}
