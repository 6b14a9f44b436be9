/** The gaps between the pieces of an answer, as a line that one can draw. */
export interface GapLine {
  /** The longest gap of each part of the answer, in milliseconds; the parts have as many pieces each. */
  readonly longest: readonly number[];
  /** Pieces in a part. */
  readonly perPart: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/**
 * Notes each gap, in constant time and a bounded memory: where the line is full, two parts become one, so it always shows the whole
 * answer. A thousand tokens are as many points as a hundred thousand.
 */
export interface GapRecord {
  add(gapMs: number): void;
  /** Undefined before the first gap. */
  line(): GapLine | undefined;
  /** Pieces a second, by the last gaps; undefined while they are few. */
  recentRate(): number | undefined;
}

const maxParts = 96;
/** Gaps of which the rate is made, and how many it needs. */
const recentGaps = 64;
const leastGaps = 4;
/** Buckets of the median: a quarter of a power of two each, from 1/16 ms on. */
const perOctave = 4;
const lowestPower = -4;
const buckets = 96;

export function createGapRecord(): GapRecord {
  const parts = new Float64Array(maxParts);
  const counts = new Uint32Array(buckets);
  const recent = new Float64Array(recentGaps);
  let recentMs = 0;
  let full = 0;
  let perPart = 1;
  let inLast = 0;
  let all = 0;
  let longestMs = 0;

  function halve(): void {
    for (let at = 0; at < maxParts / 2; at += 1)
      parts[at] = Math.max(parts[2 * at] ?? 0, parts[2 * at + 1] ?? 0);
    parts.fill(0, maxParts / 2);
    full = maxParts / 2;
    perPart *= 2;
  }

  function median(): number {
    let left = all / 2;
    for (let at = 0; at < buckets; at += 1) {
      left -= counts[at] ?? 0;
      if (left <= 0) return 2 ** ((at + 0.5) / perOctave + lowestPower);
    }
    return longestMs;
  }

  return {
    add(gapMs) {
      if (full === maxParts) halve();
      parts[full] = Math.max(parts[full] ?? 0, gapMs);
      inLast += 1;
      if (inLast >= perPart) {
        full += 1;
        inLast = 0;
      }
      const bucket = Math.floor((Math.log2(Math.max(gapMs, 1e-3)) - lowestPower) * perOctave);
      const at = Math.min(buckets - 1, Math.max(0, bucket));
      counts[at] = (counts[at] ?? 0) + 1;
      recentMs += gapMs - (recent[all % recentGaps] ?? 0);
      recent[all % recentGaps] = gapMs;
      all += 1;
      longestMs = Math.max(longestMs, gapMs);
    },
    recentRate() {
      if (all < leastGaps || recentMs < 1) return undefined;
      return (Math.min(all, recentGaps) * 1_000) / recentMs;
    },
    line() {
      if (all === 0) return undefined;
      const longest = Array.from(
        parts.subarray(0, full + (inLast > 0 ? 1 : 0)),
        (ms) => Math.round(ms * 10) / 10,
      );
      return { longest, perPart, medianMs: median(), longestMs };
    },
  };
}
