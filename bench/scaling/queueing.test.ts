import { expect, test } from 'vitest';
import {
  meanWaitForPlaceSeconds,
  meanWaitSeconds,
  openAfterBurst,
  openAtMost,
  openOnAverage,
  utilisation,
  waitingShare,
} from './queueing.ts';

test('as many are open as come in the time that one stays', () => {
  expect(openOnAverage(10, 3)).toBe(30);
  expect(openAtMost(100, 3)).toBe(130);
});

test('a burst that lasts for long reaches its own level, a short one only a part of it', () => {
  expect(openAfterBurst(100, 3, 1_000, 10)).toBeCloseTo(300);
  expect(openAfterBurst(100, 3, 0, 10)).toBe(100);
  // After one time of stay, 1 − 1/e of the way.
  expect(openAfterBurst(100, 3, 10, 10)).toBeCloseTo(226.42, 1);
});

test('waits are those of textbooks', () => {
  // Half busy with pieces of equal length: half a piece.
  expect(meanWaitSeconds([{ perSecond: 0.5, seconds: 1 }])).toBeCloseTo(0.5);
  // A pause of 10 ms each 4 s alone adds 12.5 µs where nothing else is done.
  expect(meanWaitSeconds([{ perSecond: 0.25, seconds: 0.01 }])).toBeCloseTo(12.53e-6, 7);
  expect(meanWaitSeconds([{ perSecond: 2, seconds: 0.5 }])).toBe(Number.POSITIVE_INFINITY);
  expect(utilisation([{ perSecond: 2, seconds: 0.25 }])).toBe(0.5);
});

test("Erlang's C is that of its tables", () => {
  expect(waitingShare(1, 0.5)).toBeCloseTo(0.5);
  expect(waitingShare(3, 2)).toBeCloseTo(0.4444, 4);
  expect(waitingShare(10, 7)).toBeCloseTo(0.2217, 4);
  expect(waitingShare(5, 5)).toBe(1);
  expect(meanWaitForPlaceSeconds(3, 2, 6)).toBeCloseTo(2.667, 3);
});
