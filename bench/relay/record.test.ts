import { expect, test } from 'vitest';
import { delayOf, monotonicUs, orderIn, promptOf, recordBytes, recordText } from './record.ts';

test('a prompt carries an order through a request body', () => {
  const order = { records: 150, intervalUs: 20_000, together: false };
  const body = JSON.stringify({ messages: [{ role: 'user', content: promptOf(42, order) }] });
  expect(orderIn(body)).toEqual({ tag: 42, order });
  expect(orderIn('{"messages":[]}')).toBeUndefined();
});

test('a record has a fixed length, and carries tag, number and the last digits of the time', () => {
  expect(recordText(42, 7, 5_123_456_789.6)).toBe(' 0042.0007:123456789');
  expect(recordText(9_999, 9_999, 0)).toHaveLength(recordBytes);
});

test('a delay is right when the digits of the time begin anew', () => {
  expect(delayOf(999_999_900, 3_000_000_050)).toBe(150);
  expect(delayOf(123, 7_000_000_123)).toBe(0);
  expect(delayOf(124, 7_000_000_123)).toBe(-1);
});

test('the clock is the one that all processes share', () => {
  const now = () => Number(process.hrtime.bigint()) / 1e3;
  const before = now();
  const between = monotonicUs();
  // Both are read in whole nanoseconds, and the origin is known to a fraction of the time that a reading takes.
  expect(between).toBeGreaterThan(before - 20);
  expect(between).toBeLessThan(now() + 20);
});
