import { expect, it } from 'vitest';
import { createReportLimit } from './report-limit.ts';

it('allows so many reports a minute, and then says how many it left out', () => {
  let now = 0;
  const report = createReportLimit(2, () => now);
  const reports = Array.from({ length: 5 }, () => report());
  expect(reports).toEqual([{ leftOut: 0 }, { leftOut: 0 }, undefined, undefined, undefined]);
  now = 60_000;
  expect([report(), report(), report()]).toEqual([{ leftOut: 3 }, { leftOut: 0 }, undefined]);
});
