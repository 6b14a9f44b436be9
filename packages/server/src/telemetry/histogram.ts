/*
 * Eight buckets for each power of two, so a quantile is at most 6 % off, and exact below 16:
 *
 *     value    0 … 15 | 16-17 18-19 … 30-31 | 32-35 36-39 … 60-63 | …
 *     bucket   0 … 15 | 16    17    … 23    | 24    25    … 31    | …
 */

/** Below this value each whole number has a bucket. */
const exactBelow = 16;
/** 16,777,215: in milliseconds four and a half hours. Larger values count as this one. */
const largestValue = 2 ** 24 - 1;

/** The number of buckets of every histogram. */
export const bucketCount = bucketOf(largestValue) + 1;

/** The counts of the buckets, all 0, with a place for the sum of all values behind them: one array, because an event touches it. */
export function createCounts(): Float64Array {
  // Doubles: counts of 32 bits would be full after three days at 15,000 events a second.
  return new Float64Array(bucketCount + 1);
}

/** The sum of all values, each a whole number. */
export function sumOf(counts: Float64Array): number {
  return counts[bucketCount] ?? 0;
}

/** The bucket of a value. Runs for events of streams: whole numbers only, no division, no logarithm. */
function bucketOf(value: number): number {
  const whole = value < largestValue ? value | 0 : largestValue;
  if (whole < exactBelow) return Math.max(whole, 0);
  const shift = 28 - Math.clz32(whole);
  return (shift << 3) + (whole >>> shift);
}

/**
 * Counts one value in these buckets; one below 0, such as the lateness of a timer that was early, counts as 0. A sum that falls would be
 * a restart to Prometheus.
 */
export function countIn(counts: Float64Array, value: number): void {
  const bucket = bucketOf(value);
  counts[bucket] = (counts[bucket] ?? 0) + 1;
  if (value > 0) counts[bucketCount] = (counts[bucketCount] ?? 0) + value;
}

/** The number of values below `bound`, which is where a bucket begins: a whole number up to 16, or eight to fifteen times a power of two. */
export function countBelow(counts: Float64Array, bound: number): number {
  let below = 0;
  for (let bucket = bucketOf(bound) - 1; bucket >= 0; bucket -= 1) below += counts[bucket] ?? 0;
  return below;
}

/** The number of all values. */
export function countAll(counts: Float64Array): number {
  return countBelow(counts, Number.POSITIVE_INFINITY) + (counts[bucketCount - 1] ?? 0);
}

/** Whether a bucket begins at this value. */
export function isBound(value: number): boolean {
  return bucketOf(value) > bucketOf(value - 1) && value <= largestValue;
}

/** The middle of a bucket's whole numbers. */
function middleOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = (bucket >>> 3) - 1;
  return ((8 + (bucket & 7)) << shift) + (2 ** shift - 1) / 2;
}

/** The value that the share `quantile` of all values does not exceed; undefined where there is none. */
export function quantileOf(counts: Float64Array, quantile: number): number | undefined {
  let left = Math.max(1, Math.ceil(countAll(counts) * quantile));
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    left -= counts[bucket] ?? 0;
    if (left <= 0) return middleOf(bucket);
  }
  return undefined;
}
