import { expect, test } from 'vitest';
import { isFromChild, isToChild } from './protocol.ts';

test('messages of the two directions are distinguished, and other values are refused', () => {
  expect(isFromChild({ type: 'progress', events: [] })).toBe(true);
  expect(isToChild({ type: 'abort', id: 1 })).toBe(true);
  expect(isFromChild({ type: 'abort', id: 1 })).toBe(false);
  expect(isToChild({ type: 'ready' })).toBe(false);
  for (const other of [null, undefined, 'ready', 7, [], {}, { type: 3 }, { type: 'toString' }]) {
    expect(isFromChild(other)).toBe(false);
    expect(isToChild(other)).toBe(false);
  }
});
