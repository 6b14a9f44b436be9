import { expect, it } from 'vitest';
import { parseRfc3339 } from './rfc3339.ts';

it.each<[string, string | undefined]>([
  ['2026-11-28T09:00:00Z', '2026-11-28T09:00:00.000Z'],
  ['2026-11-28t09:00:00.5z', '2026-11-28T09:00:00.500Z'],
  ['2026-11-28 09:00:00+02:00', '2026-11-28T07:00:00.000Z'],
  ['2026-02-31T09:00:00Z', undefined],
  ['2026-11-28T25:00:00Z', undefined],
  ['2026-11-28T09:00:00', undefined],
  ['2026-11-28', undefined],
  ['tomorrow', undefined],
])('%s is read as %s', (text, expected) => {
  const ms = parseRfc3339(text);
  expect(ms === undefined ? undefined : new Date(ms).toISOString()).toBe(expected);
});
