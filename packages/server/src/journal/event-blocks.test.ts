import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventBlocks } from './event-blocks.ts';

describe('the events of a stream', () => {
  test('are found by their numbers, whatever their lengths and whatever was dropped', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 40 }),
        fc.nat(5),
        (before, lengths, drops) => {
          const kept = new EventBlocks(before + 1);
          const all = lengths.map((length, index) => `${index}:${'y'.repeat(length)}`);
          for (const payload of all) kept.add(payload);
          for (let drop = 0; drop < drops; drop += 1) kept.dropOldest();
          expect(kept.last).toBe(before + all.length);
          const from = kept.first - before - 1;
          for (const [index, payload] of all.entries()) {
            expect(kept.at(before + 1 + index)).toBe(index < from ? undefined : payload);
          }
          expect(kept.at(before + all.length + 1)).toBeUndefined();
          expect(kept.bytes).toBe(all.slice(from).join('').length);
        },
      ),
    );
  });
});
