import { createKillableThread, type ThreadOutcome } from '../../worker/killable-thread.ts';
import { startWorker } from '../../worker/start-worker.ts';
import type { Page, StoreReads } from '../contract.ts';
import type { RecordQuery, UsageQuery } from '../records.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/*
 * Sums and lists of records read as many rows as there are: a million records take seconds. SQLite blocks the thread that calls
 * it for all of that time, so these reads have a thread and a connection of their own, and no admission waits for them. A
 * connection sees one state of the database, and a reader delays no writer (WAL).
 */

export interface Reports extends Pick<StoreReads, 'usage' | 'records'> {
  close(): Promise<void>;
}

export interface ReportTask {
  readonly dataDir: string;
  readonly nowMs: number;
  readonly ask: Ask;
}

type Ask =
  | { readonly type: 'usage'; readonly query: UsageQuery }
  | { readonly type: 'records'; readonly query: RecordQuery & Page };

export type ReportAnswer =
  | { readonly type: 'read'; readonly value: unknown }
  | { readonly type: 'failed'; readonly code: StoreErrorCode; readonly message: string };

/** A longer read is ended with its thread. */
const taskMs = 60_000;
const waitMs = 60_000;
const idleMs = 60_000;
/** Groups are as many as the caller of `usage` allows. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/**
 * Reads the database of a data folder on a thread, which starts with the first read (0.2 s) and ends after a minute without any.
 * Keys that ask for their own usage take turns. The caller closes it.
 */
export function openReports({
  dataDir,
  now,
}: {
  readonly dataDir: string;
  readonly now: () => number;
}): Reports {
  const thread = createKillableThread<ReportTask, ReportAnswer>({
    start: () => startWorker(import.meta.url, 'report-worker', resourceLimits),
    taskMs,
    waitMs,
    idleMs,
  });
  const ending = new AbortController();
  async function read<T>(ask: Ask): Promise<T> {
    const owner = { keyId: ask.query.keyId ?? '', signal: ending.signal };
    // Both ends are of one version: the value is what the method of this name returns.
    return readValue(await thread.run({ dataDir, nowMs: now(), ask }, owner)) as T;
  }
  return {
    usage: (query) => read({ type: 'usage', query }),
    records: (query) => read({ type: 'records', query }),
    close: () => thread.close(),
  };
}

function readValue(outcome: ThreadOutcome<ReportAnswer>): unknown {
  if (outcome.type === 'done') {
    const { answer } = outcome;
    if (answer.type === 'read') return answer.value;
    throw new StoreError(answer.code, answer.message);
  }
  switch (outcome.type) {
    case 'late':
      throw new StoreError('busy', `the records were not read within ${outcome.limitMs / 1_000} s`);
    case 'died':
      throw new StoreError('fault', `the thread that reads records has ended: ${outcome.why}`);
    case 'closed':
      throw new StoreError('closed', 'the store has been closed');
    default:
      throw new StoreError('busy', 'too many others read records now');
  }
}
