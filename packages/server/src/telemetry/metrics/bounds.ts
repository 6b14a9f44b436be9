/*
 * Upper bounds of buckets: powers of two, and one and a half times them where a finer answer is worth its series. Each is the
 * beginning of a bucket of `histogram.ts`, so the counts are exact.
 */

/** From 1 ms to a minute. */
export const milliseconds = [
  1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048,
].concat([3_072, 4_096, 6_144, 8_192, 16_384, 32_768, 65_536]);

/** From a quarter of a second to twenty minutes. */
export const longMilliseconds = [
  256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072,
].concat([262_144, 524_288, 1_048_576]);

/** Microseconds from 64 µs to 4 s. */
export const microseconds = [
  64, 128, 256, 384, 512, 768, 1_024, 1_536, 2_048, 4_096, 8_192, 16_384, 32_768,
].concat([65_536, 131_072, 262_144, 524_288, 1_048_576, 4_194_304]);

/** Sequences of a batch. */
export const sequences = [2, 3, 4, 5, 8, 12, 16, 32, 64];
