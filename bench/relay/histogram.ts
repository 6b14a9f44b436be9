/** A histogram between processes and in reports: pairs of a bucket's index and its count, in order, empty ones left out. */
export interface HistogramData {
  readonly max: number;
  readonly buckets: readonly (readonly [index: number, count: number])[];
}

/** Up to here a bucket is 1 µs wide, above it 1 % of its value. */
const linearUs = 1_000;
const growth = 1.01;
const logGrowth = Math.log(growth);
/** The last bucket begins at about a minute and takes what is longer. */
const bucketCount = linearUs + Math.ceil(Math.log(60e6 / linearUs) / logGrowth);

/** Times in µs. Recording allocates nothing: a load generator must not pause for its own collections. */
export class Histogram {
  private readonly counts = new Uint32Array(bucketCount);
  private recorded = 0;
  private longest = 0;

  /** Times below zero count as zero. */
  record(us: number): void {
    this.recorded += 1;
    if (us > this.longest) this.longest = us;
    const index =
      us < linearUs ? us : Math.min(bucketCount - 1, linearUs + Math.log(us / linearUs) / logGrowth);
    // Typed arrays ignore writes to indexes that are no whole numbers from 0 up.
    const bucket = index > 0 ? Math.floor(index) : 0;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
  }

  get total(): number {
    return this.recorded;
  }

  get max(): number {
    return this.longest;
  }

  reset(): void {
    this.counts.fill(0);
    this.recorded = 0;
    this.longest = 0;
  }

  /** The middle of the bucket below which this share (0 to 1) of the times lies; NaN where nothing was recorded. */
  percentile(share: number): number {
    let left = Math.ceil(share * this.recorded);
    if (this.recorded === 0) return Number.NaN;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      left -= this.counts[bucket] ?? 0;
      if (left <= 0) return Math.min(this.longest, (lowerEdge(bucket) + lowerEdge(bucket + 1)) / 2);
    }
    return this.longest;
  }

  /** How many times lie in buckets that begin at `fromUs` or later, and before `toUs`. */
  countBetween(fromUs: number, toUs: number): number {
    let count = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const edge = lowerEdge(bucket);
      if (edge >= fromUs && edge < toUs) count += this.counts[bucket] ?? 0;
    }
    return count;
  }

  add({ max, buckets }: HistogramData): void {
    for (const [bucket, count] of buckets) {
      this.counts[bucket] = (this.counts[bucket] ?? 0) + count;
      this.recorded += count;
    }
    this.longest = Math.max(this.longest, max);
  }

  toJSON(): HistogramData {
    const buckets: [number, number][] = [];
    for (const [bucket, count] of this.counts.entries()) if (count > 0) buckets.push([bucket, count]);
    return { max: this.longest, buckets };
  }
}

/** Where a bucket begins, in µs. */
export function lowerEdge(bucket: number): number {
  return bucket <= linearUs ? bucket : linearUs * growth ** (bucket - linearUs);
}
