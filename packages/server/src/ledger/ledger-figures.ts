import type { Figure, Reading } from '../telemetry/contract.ts';
import { countIn, createCounts } from '../telemetry/histogram.ts';

/** What the ledger counts of itself: the times of its limiter and its store, and how it stands with them. */
export interface LedgerFigures {
  /** The same result, later: its time is noted where it is there. A call that rejects has no time. */
  limiter<T>(decision: Promise<T>): Promise<T>;
  store<T>(write: Promise<T>): Promise<T>;
  read(): Reading;
}

/** `now`: monotonic milliseconds. `states`: how it stands now. */
export function createLedgerFigures(now: () => number, states: () => readonly Figure[]): LedgerFigures {
  const limiterUs = createCounts();
  const storeUs = createCounts();
  const timed =
    (counts: Float64Array) =>
    async <T>(work: Promise<T>): Promise<T> => {
      const sinceMs = now();
      const result = await work;
      countIn(counts, Math.round((now() - sinceMs) * 1_000));
      return result;
    };
  return {
    limiter: timed(limiterUs),
    store: timed(storeUs),
    read: () => ({
      figures: states(),
      histograms: [
        { name: 'limiter', labels: {}, counts: limiterUs.slice() },
        { name: 'storage_write', labels: {}, counts: storeUs.slice() },
      ],
    }),
  };
}
