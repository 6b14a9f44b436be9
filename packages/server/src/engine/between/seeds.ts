/** The seed of a choice; the first has the seed of the request, so its text is the same for every `n`. */
export function choiceSeed(seed: number, choice: number): number {
  return choice === 0 ? seed : foldSeed(((seed ^ Math.imul(choice, 0x85eb_ca6b)) >>> 0) + choice * 2 ** 32);
}

/** The value that means a random seed to the native sampler. */
const anySeed = 0xffff_ffff;

/** A seed of 53 bits as one of 32 bits, which the native sampler takes; seeds below 2^32 - 1 stay unchanged. */
export function foldSeed(seed: number): number {
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  const folded = (low ^ Math.imul(high, 0x9e37_79b1)) >>> 0;
  return folded === anySeed ? 0x5bd1_e995 : folded;
}
