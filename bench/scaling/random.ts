/** Draws of one seed: the same seed gives the same simulation. */
export interface Dice {
  /** From 0 up to 1. */
  uniform(): number;
  /** Of an exponential distribution. */
  exponential(mean: number): number;
}

/** mulberry32: 32 bits of state are enough for some ten million draws. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  function uniform(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return { uniform, exponential: (mean) => -mean * Math.log(1 - uniform()) };
}
