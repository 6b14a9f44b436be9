/** A report that may be written. */
export interface AllowedReport {
  /** Reports that were left out since the last one that was allowed. */
  readonly leftOut: number;
}

/**
 * Bounds how much clients without a key can make the server log: `perMinute` reports are allowed in each minute, the others
 * are counted; for these the function returns undefined.
 * `now`: monotonic milliseconds.
 */
export function createReportLimit(perMinute: number, now: () => number): () => AllowedReport | undefined {
  let minuteEndsMs = 0;
  let passed = 0;
  let leftOut = 0;
  return () => {
    if (now() >= minuteEndsMs) {
      minuteEndsMs = now() + 60_000;
      passed = 0;
    }
    if (passed >= perMinute) {
      leftOut += 1;
      return undefined;
    }
    passed += 1;
    const report = { leftOut };
    leftOut = 0;
    return report;
  };
}
