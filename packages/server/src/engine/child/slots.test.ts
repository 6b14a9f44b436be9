import { expect, test } from 'vitest';
import { commonPrefix, createSlots } from './slots.ts';

const many = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

function used(slots: ReturnType<typeof createSlots<string, string>>, index: number, tokens: number[]): void {
  const slot = slots.all[index];
  if (slot === undefined) throw new Error('no such slot');
  slot.tokens.push(...tokens);
  slot.canonical = tokens.length;
  slot.task = 'x';
  slots.free(slot);
}

test('a chat continues in its slot, although an unused slot is idle', () => {
  const slots = createSlots<string, string>(['a', 'b', 'c']);
  used(slots, 1, many(100));
  expect(slots.choose([...many(100), 7, 7], false)?.index).toBe(1);
});

test('a shared system prompt does not replace the state of another chat', () => {
  const slots = createSlots<string, string>(['a', 'b']);
  used(slots, 0, many(100));
  expect(slots.choose([...many(20), ...many(30, 500)], false)?.index).toBe(1);
});

test('without a common beginning the slot that was idle longest is chosen', () => {
  const slots = createSlots<string, string>(['a', 'b']);
  used(slots, 1, many(5));
  used(slots, 0, many(5));
  expect(slots.choose(many(9, 700), false)?.index).toBe(1);
});

test('a slot in use is never chosen', () => {
  const slots = createSlots<string, string>(['a']);
  const slot = slots.choose([1], false);
  if (slot !== undefined) slot.task = 'x';
  expect(slots.choose([1], false)).toBeUndefined();
});

test('for repeatable requests only canonical state counts', () => {
  const slots = createSlots<string, string>(['a', 'b']);
  used(slots, 0, many(100));
  const first = slots.all[0];
  if (first !== undefined) first.canonical = 10;
  used(slots, 1, many(30));
  expect(slots.choose(many(120), false)?.index).toBe(0);
  expect(slots.choose(many(120), true)?.index).toBe(1);
});

test('the common prefix ends at the first difference or the shorter end', () => {
  expect(commonPrefix([1, 2, 3], [1, 2, 4])).toBe(2);
  expect(commonPrefix([1, 2], [1, 2, 4])).toBe(2);
  expect(commonPrefix([], [1])).toBe(0);
});
