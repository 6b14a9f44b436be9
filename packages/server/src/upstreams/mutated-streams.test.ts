/**
 * Streams that deviate as upstreams do. A good stream of any adapter, from a fixture or written anew, is changed at random
 * places by one kind of deviation or by up to four; then its adapter reads it. An answer that says the same in another way is
 * read whole; any other is read whole or ends in an error. An answer that has lost output never ends with a finish.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundsOf, seedOf } from '../testing/suite-part.ts';
import { dialects } from './testing/mutable-stream.ts';
import { anyCase, judge, type MutatedCase } from './testing/mutated-stream.ts';
import { mutations } from './testing/mutations/all-mutations.ts';
import { recordedStreams } from './testing/recorded-streams.ts';
import { anyWrittenAnswer } from './testing/written-answer.ts';

const recorded = await recordedStreams();
const names = mutations.map(({ name }) => name);
// Together over 100,000 mutated streams, of which a part runs with every `npm run check`.
const eachRounds = roundsOf(600, 10);
const mixedRounds = roundsOf(24_000, 250);

function base(dialects: readonly string[]) {
  const fixtures = [...recorded.keys()].filter((file) =>
    dialects.some((name) => file.startsWith(`${name}/`)),
  );
  const written = anyWrittenAnswer.filter(({ dialect }) => dialects.includes(dialect));
  return fc.oneof({ arbitrary: written, weight: 2 }, { arbitrary: fc.constantFrom(...fixtures), weight: 1 });
}

/** Only streams that a mutation has changed count. */
async function check(cases: fc.Arbitrary<MutatedCase>, numRuns: number, nth = 0): Promise<void> {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { applied, wrong, body } = await judge(one, recorded);
      fc.pre(applied.length > 0 || one.changes.length === 0);
      if (wrong === undefined) return;
      throw new Error(`${wrong}\nafter: ${applied.join(', ')}\n${body.toString('utf8')}`);
    }),
    // No two mutations draw the same good streams.
    { numRuns, seed: seedOf() + 1_000 * nth },
  );
}

test('every good stream is read as it was written', async () => {
  expect(recorded.size).toBeGreaterThan(40);
  const untouched = anyCase(base(dialects), names, 1).map((one) => ({ ...one, changes: [] }));
  await check(untouched, 200);
});

describe.each(mutations)('$name', ({ name, dialects: own, heals }) => {
  const nth = 1 + names.indexOf(name);
  test(heals ? 'is read whole' : 'is read whole, or ends in an error', () =>
    check(anyCase(base(own), [name], 1), eachRounds, nth),
  );
});

test.each(dialects)(
  'up to four deviations of %s together',
  (dialect) => check(anyCase(base([dialect]), names, 4), mixedRounds),
  // Seconds on an idle machine.
  roundsOf(1_800_000, 60_000),
);
