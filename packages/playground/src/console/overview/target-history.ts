import { amountOf, newestOf, type Series, type SeriesAnswer } from './series-answer.ts';

export type TargetState = 'healthy' | 'half-open' | 'open';

/** What a day was like for one target. */
export interface TargetHistory {
  readonly name: string;
  /** Its last state that is known. */
  readonly state: TargetState;
  /** Steps with the same state that follow each other; where nothing is known of the target there is none. Unix seconds. */
  readonly spans: readonly StateSpan[];
  readonly marks: readonly HistoryMark[];
  readonly attempts: number;
  readonly failures: number;
  readonly failovers: number;
  readonly hedges: number;
  readonly takeovers: number;
}

export interface StateSpan {
  readonly from: number;
  readonly to: number;
  readonly state: TargetState;
}

/** A step in which the target was asked beside a slow one, or took over. */
export interface HistoryMark {
  readonly at: number;
  readonly kind: 'hedge' | 'takeover';
  readonly count: number;
}

/** As the series has them. */
const states: readonly TargetState[] = ['healthy', 'half-open', 'open'];

/** The series that a history is made of. */
export const historyNames = [
  'target_breaker',
  'target_attempts',
  'target_failures',
  'target_failovers',
  'target_hedges',
  'target_takeovers',
] as const;

/** The histories of all targets, by their names. `step`: seconds between two times of the answer. */
export function targetHistories({ times, series }: SeriesAnswer, step: number): readonly TargetHistory[] {
  const byTarget = Map.groupBy(
    series.filter(({ name }) => name.startsWith('target_')),
    ({ labels }) => `${labels['upstream']}/${labels['model']}`,
  );
  return [...byTarget]
    .map(([name, own]) => historyOf(name, own, times, step))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function historyOf(
  name: string,
  own: readonly Series[],
  times: readonly number[],
  step: number,
): TargetHistory {
  const values = (measure: (typeof historyNames)[number]): Series['values'] =>
    own.find((one) => one.name === measure)?.values ?? [];
  const marks = (kind: HistoryMark['kind'], of: Series['values']): HistoryMark[] =>
    of.flatMap((count, at) => (count ? [{ at: (times[at] ?? 0) - step / 2, kind, count }] : []));
  const breaker = values('target_breaker');
  const [hedges, takeovers] = [values('target_hedges'), values('target_takeovers')];
  return {
    name,
    state: states[newestOf(breaker) ?? 0] ?? 'healthy',
    spans: spansOf(breaker, times, step),
    marks: [...marks('hedge', hedges), ...marks('takeover', takeovers)],
    attempts: amountOf(values('target_attempts')),
    failures: amountOf(values('target_failures')),
    failovers: amountOf(values('target_failovers')),
    hedges: amountOf(hedges),
    takeovers: amountOf(takeovers),
  };
}

/** The time of a point is the end of its step. */
function spansOf(breaker: Series['values'], times: readonly number[], step: number): StateSpan[] {
  const spans: StateSpan[] = [];
  for (const [at, value] of breaker.entries()) {
    const state = value === null ? undefined : states[value];
    const to = times[at];
    if (state === undefined || to === undefined) continue;
    const last = spans.at(-1);
    if (last !== undefined && last.state === state && last.to === to - step) {
      spans[spans.length - 1] = { ...last, to };
    } else spans.push({ from: to - step, to, state });
  }
  return spans;
}

/** How long the target was in a state, in seconds. */
export function secondsIn({ spans }: TargetHistory, state: TargetState): number {
  return spans
    .filter((span) => span.state === state)
    .reduce((seconds, { from, to }) => seconds + to - from, 0);
}
