/** The least stall timeout where no target could take over: ending the stream earlier would not help the client. */
const minStallMs = 30_000;

/**
 * After how many milliseconds of silence an answer counts as stalled (contract, section 7). `hasSuccessor`: another target
 * could take over, or could be asked instead.
 */
export function stallTimeoutMs(stallMs: number, hasSuccessor: boolean): number {
  return hasSuccessor ? stallMs : Math.max(stallMs, minStallMs);
}
