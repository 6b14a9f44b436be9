/**
 * Whether a new trace is sampled: by the last 56 bits of its id, which are random. Every server with the same share, and every
 * one with a larger share, decides the same for a trace (OpenTelemetry, consistent probability sampling).
 */
export function createSampler(share: number): (traceId: string) => boolean {
  if (share >= 1) return () => true;
  if (share <= 0) return () => false;
  const threshold = (1 - share) * 2 ** 56;
  return (traceId) => Number.parseInt(traceId.slice(18), 16) >= threshold;
}
