/** How much time the charts show, and in which steps: so few that a chart has no more than it has room for. */
export const ranges = [
  { id: '15m', name: '15 min', seconds: 900, step: '10s' },
  { id: '1h', name: '1 h', seconds: 3_600, step: '30s' },
  { id: '6h', name: '6 h', seconds: 21_600, step: '3m' },
  { id: '24h', name: '24 h', seconds: 86_400, step: '10m' },
] as const;
export type Range = (typeof ranges)[number];

export function rangeCalled(id: string | null): Range {
  return ranges.find((range) => range.id === id) ?? ranges[1];
}
