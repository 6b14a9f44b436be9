import { expect, test } from 'vitest';
import { nearestLimit, type ProcessMemory, processMemory } from './memory-use.ts';

const gib = 1024 ** 3;
const machine: ProcessMemory = {
  residentBytes: gib,
  usedHeapBytes: gib / 2,
  heapLimitBytes: 4 * gib,
  physicalBytes: 16 * gib,
  groupLimitBytes: undefined,
};

test.each<[string, Partial<ProcessMemory>, number, string]>([
  ['the heap', {}, 1 / 8, 'the heap limit of Node.js'],
  ['the machine', { residentBytes: 8 * gib }, 1 / 2, "the machine's memory"],
  ['the control group', { groupLimitBytes: 2 * gib }, 1 / 2, "the control group's limit"],
  ['no control group', { groupLimitBytes: 0, residentBytes: 4 * gib }, 1 / 4, "the machine's memory"],
  [
    'one without a limit',
    { groupLimitBytes: 2 ** 63, residentBytes: 4 * gib },
    1 / 4,
    "the machine's memory",
  ],
])('the nearest limit is that of %s', (_, more, share, of) => {
  expect(nearestLimit({ ...machine, ...more })).toEqual({ share, of });
});

test('this process uses some of its memory, and not all', () => {
  const { share } = nearestLimit(processMemory());
  expect(share).toBeGreaterThan(0.0001);
  expect(share).toBeLessThan(1);
});
