import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGapRecord, type GapLine } from './gap-record.ts';

const none: GapLine = { longest: [], perPart: 0, medianMs: 0, longestMs: 0 };

describe('the record of gaps', () => {
  test('has nothing to show before the second piece', () => {
    expect(createGapRecord().line()).toBeUndefined();
  });

  test('shows each gap of a short answer', () => {
    const record = createGapRecord();
    for (const gap of [10, 20, 400, 10]) record.add(gap);
    expect(record.line()).toMatchObject({ longest: [10, 20, 400, 10], perPart: 1, longestMs: 400 });
  });

  test('shows the whole of a long answer in a bounded line, with its longest gap where it was', () => {
    const record = createGapRecord();
    for (let piece = 0; piece < 100_000; piece += 1) record.add(piece === 50_000 ? 900 : 2);
    const { longest, perPart, longestMs } = record.line() ?? none;
    expect(longest.length).toBeLessThanOrEqual(96);
    expect(longest.length * perPart).toBeGreaterThanOrEqual(100_000);
    expect(longest.indexOf(900)).toBe(Math.floor(50_000 / perPart));
    expect(longestMs).toBe(900);
  });

  test('the rate is that of the last gaps, not of all', () => {
    const record = createGapRecord();
    record.add(10);
    expect(record.recentRate()).toBeUndefined();
    for (let piece = 0; piece < 1_000; piece += 1) record.add(100);
    expect(record.recentRate()).toBeCloseTo(10);
    for (let piece = 0; piece < 64; piece += 1) record.add(20);
    expect(record.recentRate()).toBeCloseTo(50);
  });

  test('its median is that of the gaps, to a fifth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.5, max: 5_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (gaps) => {
          const record = createGapRecord();
          for (const gap of gaps) record.add(gap);
          const sorted = gaps.toSorted((one, other) => one - other);
          const true50 = sorted[Math.ceil(gaps.length / 2) - 1] ?? 0;
          const told = record.line()?.medianMs ?? 0;
          expect(told / true50).toBeGreaterThan(0.8);
          expect(told / true50).toBeLessThan(1.25);
        },
      ),
    );
  });
});
