import type { SeriesAnswer } from './series-answer.ts';

/** How much time the charts show, and in which steps: so few that a chart has no more than it has room for. */
export const ranges = [
  { id: '15m', name: '15 min', seconds: 900, step: '10s' },
  { id: '1h', name: '1 h', seconds: 3_600, step: '30s' },
  { id: '6h', name: '6 h', seconds: 21_600, step: '3m' },
  { id: '24h', name: '24 h', seconds: 86_400, step: '10m' },
] as const;
export type Range = (typeof ranges)[number];

export function rangeCalled(id: string | null): Range | undefined {
  return ranges.find((range) => range.id === id);
}

/** Up to this age of the server an hour would be empty for the most part. */
const youngSeconds = 1_800;

/** What is shown first: as much as the server has run, an hour at most. */
export function firstRange(day: SeriesAnswer): Range {
  const [started = 0] = day.times;
  return (day.times.at(-1) ?? 0) - started < youngSeconds ? ranges[0] : ranges[1];
}
