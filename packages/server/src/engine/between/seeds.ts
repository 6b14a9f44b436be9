/** The seed of one of several choices: the first has the request's own, so that `n` does not change it. */
export function choiceSeed(seed: number, choice: number): number {
  return choice === 0 ? seed : foldSeed(((seed ^ Math.imul(choice, 0x85eb_ca6b)) >>> 0) + choice * 2 ** 32);
}

/** The one 32-bit value that the native sampler takes for "any seed". */
const anySeed = 0xffff_ffff;

/** 53 bits → the 32 the native sampler has; seeds below 2^32 - 1 stay what they are. */
export function foldSeed(seed: number): number {
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  const folded = (low ^ Math.imul(high, 0x9e37_79b1)) >>> 0;
  return folded === anySeed ? 0x5bd1_e995 : folded;
}
