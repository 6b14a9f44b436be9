import { seededRandom } from './seeded-random.ts';

/**
 * Long suites run in part in `npm run check` and `npm test`, and whole in `npm run soak`, which sets
 * `TAILRACE_TEST_WHOLE`. A seed draws the part, so every run draws the same one; `TAILRACE_TEST_SEED` draws another.
 */
const whole = process.env['TAILRACE_TEST_WHOLE'] !== undefined;
const seed = Number(process.env['TAILRACE_TEST_SEED'] ?? 1);

/** All cases, or `count` of them drawn by the seed, in their order. */
export function partOf<T>(cases: readonly T[], count: number): readonly T[] {
  if (whole || count >= cases.length) return cases;
  const random = seededRandom(seed);
  // Each case is taken with the chance that gives exactly `count` in the end.
  let wanted = count;
  return cases.filter((_, index) => {
    const taken = random() < wanted / (cases.length - index);
    if (taken) wanted -= 1;
    return taken;
  });
}

/** How many random cases to make: `all` of them, or `part`. */
export function roundsOf(all: number, part: number): number {
  return whole ? all : part;
}
