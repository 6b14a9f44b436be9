/**
 * The header `Retry-After` in milliseconds: whole or broken seconds, or a date. Undefined where it is neither, and for a date in the
 * past. `nowMs`: Unix milliseconds.
 */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.round(Number(value) * 1_000);
  // An HTTP date begins with the name of a day; `Date.parse` alone would accept `-5`.
  const date = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return date > nowMs ? date - nowMs : undefined;
}
