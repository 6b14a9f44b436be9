import { seededRandom } from './seeded-random.ts';

/*
 * `npm run check` and `npm test` run a part of each long suite; `npm run soak` sets `TAILRACE_TEST_WHOLE` and runs them
 * whole. A seed chooses the part, so that every run has the same one; another `TAILRACE_TEST_SEED` chooses another.
 */
const whole = process.env['TAILRACE_TEST_WHOLE'] !== undefined;
const seed = Number(process.env['TAILRACE_TEST_SEED'] ?? 1);

/** All cases, or `count` of them that the seed chooses, in their order. */
export function partOf<T>(cases: readonly T[], count: number): readonly T[] {
  if (whole || count >= cases.length) return cases;
  const random = seededRandom(seed);
  // The probability of each case is such that exactly `count` are chosen.
  let wanted = count;
  return cases.filter((_, index) => {
    const taken = random() < wanted / (cases.length - index);
    if (taken) wanted -= 1;
    return taken;
  });
}

/** How many random cases a suite makes: `all` of them, or `part`. */
export function roundsOf(all: number, part: number): number {
  return whole ? all : part;
}

/** The seed of the random cases of a suite, for a library that draws them itself. */
export function seedOf(): number {
  return seed;
}
