import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeptEvents } from './kept-events.ts';
import { PagePool, pageBytes } from './page-pool.ts';

/** Lengths around those where a payload or its length ends with a page. */
const length = fc.oneof(
  fc.integer({ min: 0, max: 600 }),
  fc.integer({ min: -12, max: 12 }).map((more) => Math.max(0, pageBytes + more)),
  fc.integer({ min: 0, max: 20_000 }),
);

const step = fc.oneof(
  { weight: 10, arbitrary: length.map((bytes) => ({ do: 'add', bytes }) as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'shown' } as const) },
  { weight: 4, arbitrary: fc.constant({ do: 'drop' } as const) },
  { weight: 1, arbitrary: fc.nat(1_000).map((more) => ({ do: 'restart', more }) as const) },
);

describe('the events of a stream', () => {
  test('are found by their numbers in any order, beside those of another stream in the same pages', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.array(step, { maxLength: 60 }), fc.gen(), (before, steps, pick) => {
        const pool = new PagePool(4);
        const streams = [before + 1, 1].map((first) => ({
          kept: new KeptEvents(pool, first),
          known: new Map<number, string>(),
        }));
        for (const [at, what] of steps.entries()) {
          const { kept, known } = pick(fc.constantFrom, ...streams);
          if (what.do === 'add') {
            const payload = `${at}:`.padEnd(what.bytes, String.fromCharCode(97 + (at % 26)));
            kept.add(payload);
            known.set(kept.lastEvent, payload);
          } else if (what.do === 'shown') kept.shown();
          else if (what.do === 'drop') kept.dropOldest();
          else {
            kept.restart(kept.lastEvent + 1 + what.more);
            known.clear();
          }
          for (const number of known.keys()) if (number < kept.firstEvent) known.delete(number);
          if (known.size > 0) expect(known.has(kept.lastEvent)).toBe(true);
          for (const number of fc.sample(fc.nat(known.size), { numRuns: 3, seed: at })) {
            const asked = kept.firstEvent + number;
            expect(kept.event(asked)).toBe(known.get(asked));
          }
        }
        for (const { kept, known } of streams) {
          for (let number = kept.firstEvent - 1; number <= kept.lastEvent + 1; number += 1) {
            expect(kept.event(number)).toBe(known.get(number));
          }
        }
        expect(pool.taken * pageBytes).toBe(streams.reduce((sum, { kept }) => sum + kept.heldBytes, 0));
        for (const { kept } of streams) kept.restart(1);
        expect(pool.taken).toBe(0);
      }),
    );
  });

  test('the newest is never dropped, however long it is', () => {
    const kept = new KeptEvents(new PagePool(4));
    kept.add('a');
    kept.add('b'.repeat(100_000));
    while (kept.dropOldest());
    expect([kept.firstEvent, kept.lastEvent]).toEqual([1, 2]);
    kept.shown();
    expect(kept.event(2)).toHaveLength(100_000);
  });
});
