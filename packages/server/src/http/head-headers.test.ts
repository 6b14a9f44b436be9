import { expect, test } from 'vitest';
import { headersOf } from './head-headers.ts';

test('a target that knows its times has them in whole milliseconds, any other one has none', () => {
  expect(headersOf({ target: 'engine/m', phases: { queueMs: 12.4, promptMs: 339.6 } })).toEqual({
    'tailrace-target': 'engine/m',
    'server-timing': 'queue;dur=12, prompt;dur=340',
  });
  expect(headersOf({ target: 'lab/m' })).toEqual({ 'tailrace-target': 'lab/m' });
  expect(headersOf({ target: undefined })).toEqual({});
});

test('a name that no header may have is spelt with question marks', () => {
  expect(headersOf({ target: 'lab/é\n' })).toEqual({ 'tailrace-target': 'lab/??' });
});
