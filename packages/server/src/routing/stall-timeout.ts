/** Without anybody to take over, a stream that still might come is worth at least this much patience. */
const minStallMs = 30_000;

/** How long silence in mid-answer is borne, in milliseconds (contract, section 7). */
export function stallTimeoutMs(stallMs: number, anotherCould: boolean): number {
  return anotherCould ? stallMs : Math.max(stallMs, minStallMs);
}
