import { createHash } from 'node:crypto';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';

/** All random choices of one case. The same seed, surface and number make the same case on every machine. */
export interface Dice {
  /** 0 ≤ x < 1. */
  random(): number;
  /** A whole number, both ends included. */
  int(from: number, to: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Mostly small, at most `most`: its logarithm is evenly distributed. */
  size(most: number): number;
  /** A text of that length over an alphabet. */
  text(length: number, alphabet?: string): string;
}

export function createDice(...parts: readonly (string | number)[]): Dice {
  const random = seededRandom(createHash('sha256').update(parts.join('/')).digest().readInt32LE());
  const int = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[int(0, items.length - 1)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  };
  return {
    random,
    int,
    pick,
    oneIn: (times) => random() < 1 / times,
    size: (most) => Math.floor(Math.exp(random() * Math.log(most + 1))) - (random() < 0.2 ? 1 : 0),
    text(length, alphabet = 'abcdefghij klmnop "\\{}[]:,\n\u00e9\u4e16\u{1f30a}') {
      const letters = [...alphabet];
      // A long text repeats a short one: making it must not cost more than reading it.
      const piece = Array.from({ length: Math.min(length, 64) }, () => pick(letters)).join('');
      return piece.repeat(Math.ceil(length / Math.max(1, piece.length))).slice(0, length);
    },
  };
}
