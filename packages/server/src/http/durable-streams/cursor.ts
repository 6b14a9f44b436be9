export interface CursorDeps {
  /** Unix milliseconds. */
  clock(): number;
  /** From 0 to less than 1. */
  random(): number;
}

/**
 * The cursor of a live answer (section 10.1 of the Durable Streams protocol): the number of the current interval of 20 seconds,
 * or a number above the client's, where that is not in the past. So a cache between us and the client never gives it the same
 * empty answer again, and a client never goes back to a cursor that it had.
 */
export function nextCursor({ clock, random }: CursorDeps, ofClient: number | undefined): number {
  const interval = Math.floor((clock() - epochMs) / intervalMs);
  if (ofClient === undefined || ofClient < interval) return interval;
  const jitterS = 1 + Math.floor(random() * maxJitterS);
  return ofClient + Math.ceil((jitterS * 1_000) / intervalMs);
}

/**
 * The number that a client has sent as its cursor; undefined for a text that is none of ours. Up to 15 digits, which a number
 * holds exactly with the jitter added; ours have 7.
 */
export function parseCursor(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const epochMs = Date.UTC(2024, 9, 9);
const intervalMs = 20_000;
const maxJitterS = 3_600;
