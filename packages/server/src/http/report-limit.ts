/** A report that passes: how many before it were left out since the last one that passed. */
export interface Passed {
  readonly leftOut: number;
}

/**
 * Bounds what strangers can make the log write: `perMinute` reports pass in each minute, the rest are counted.
 * `now`: monotonic milliseconds.
 */
export function createReportLimit(perMinute: number, now: () => number): () => Passed | undefined {
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
