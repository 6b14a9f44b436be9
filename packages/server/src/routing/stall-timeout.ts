/** Where no target could take over, ending the stream gains nothing: then a silence is borne at least so long. */
const minStallMs = 30_000;

/**
 * After how many milliseconds of silence an answer counts as stalled (contract, section 7). `hasSuccessor`: another target
 * could take over, or could be asked instead.
 */
export function stallTimeoutMs(stallMs: number, hasSuccessor: boolean): number {
  return hasSuccessor ? stallMs : Math.max(stallMs, minStallMs);
}
