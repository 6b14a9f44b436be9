import { seededRandom } from '../../testing/seeded-random.ts';

/** The random choices of one mutation: the same seed makes the same choices. */
export interface Dice {
  /** A whole number from 0 up to, without, `bound`. */
  below(bound: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items, of which there is at least one. */
  pick<T>(items: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  return {
    below,
    chance: (probability) => random() < probability,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('there is nothing to pick from');
      return items[below(items.length)] as T;
    },
  };
}

/** Cuts a text at up to `most` random places; no piece is empty, unless the text is. */
export function cutText(text: string, most: number, dice: Dice): readonly string[] {
  const places = new Set<number>();
  for (let left = dice.below(most + 1); left > 0 && text.length > 1; left -= 1) {
    places.add(1 + dice.below(text.length - 1));
  }
  const ends = [...places].toSorted((one, other) => one - other);
  return [...ends, text.length].map((end, at) => text.slice(ends[at - 1] ?? 0, end));
}
