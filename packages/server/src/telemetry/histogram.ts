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

/** The bucket of a value. Runs for events of streams: whole numbers only, no division, no logarithm. */
function bucketOf(value: number): number {
  const whole = value < largestValue ? value | 0 : largestValue;
  if (whole < exactBelow) return Math.max(whole, 0);
  const shift = 28 - Math.clz32(whole);
  return (shift << 3) + (whole >>> shift);
}

/** Counts one value in these buckets. */
export function countIn(counts: Float64Array, value: number): void {
  const bucket = bucketOf(value);
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}

/** The middle of a bucket's whole numbers. */
function middleOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = (bucket >>> 3) - 1;
  return ((8 + (bucket & 7)) << shift) + (2 ** shift - 1) / 2;
}

/** The value that the share `quantile` of all values does not exceed; undefined where there is none. */
export function quantileOf(counts: Float64Array, quantile: number): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let left = Math.max(1, Math.ceil(all * quantile));
  for (const [bucket, count] of counts.entries()) {
    left -= count;
    if (left <= 0) return middleOf(bucket);
  }
  return undefined;
}
