import { expect, test } from 'vitest';
import type { Ending, LabFault } from './lab-api.ts';
import { isAsExpected, remedyOf } from './remedy.ts';

const whole: Ending = { kind: 'whole' };
const cut: Ending = { kind: 'error-event', code: 'upstream_cut' };
const refused: Ending = { kind: 'http-error', status: 502, code: 'upstream_refused' };

function fault(truth: Ending, failover: Ending, takeover: Ending): LabFault {
  const models = Object.entries({ truth, failover, takeover }).map(([setting, expected]) => ({
    ...{ id: setting, setting, expected },
  }));
  return { name: 'x', description: 'It breaks.', asks: {}, models };
}

test.each([
  [
    'a cut',
    fault(cut, cut, whole),
    ['ends in an error event, upstream_cut', 'ends in an error event', 'goes on behind'],
  ],
  [
    'a refusal',
    fault(refused, whole, whole),
    ['refused with 502', 'before you have seen a word', 'before you have'],
  ],
  ['an odd form', fault(whole, whole, whole), ['puts it right', 'puts it right', 'puts it right']],
])('what is done about %s depends on the targets', (_, one, words) => {
  for (const [index, setting] of ['truth', 'failover', 'takeover'].entries())
    expect(remedyOf(one, setting)).toContain(words[index]);
});

test('a setting that the key may not use has none', () => {
  expect(remedyOf({ ...fault(cut, cut, whole), models: [] }, 'truth')).toBeUndefined();
});

test('an end is as expected by its code', () => {
  expect(isAsExpected(cut, { kind: 'http-error', code: 'upstream_cut' })).toBe(true);
  expect(isAsExpected(cut, refused)).toBe(false);
  expect(isAsExpected(whole, cut)).toBe(false);
  expect(isAsExpected(whole, whole)).toBe(true);
});
