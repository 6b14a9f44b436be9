import type { ReactNode } from 'react';
import { chartColourAt } from '../../elements/charts/chart-colours.ts';
import type { ChartSeries } from '../../elements/charts/chart-series.ts';
import { TimeChart, type TimeChartProps } from '../../elements/charts/time-chart.tsx';
import { bytes, compactCount, duration, money, rate } from '../../elements/format.ts';
import type { Range } from './range.ts';
import { amountOf, type SeriesAnswer, valuesOf } from './series-answer.ts';

/** The series of the charts. */
export const chartNames = [
  'streams_live',
  'engine_queue',
  'completion_tokens',
  'prompt_tokens',
  'ttft',
  'gap',
  'requests_started',
  'requests_ended',
  'request_errors',
  'spend',
  'loop_delay',
  'memory',
] as const;

/** Which quantiles are shown, with their colours. */
const quantiles = [
  { share: '0.5', name: 'p50', colour: 1 },
  { share: '0.9', name: 'p90', colour: 2 },
  { share: '0.99', name: 'p99', colour: 3 },
] as const;

/** How requests end, with the colours that they have wherever they are shown. */
const outcomes = [
  { status: 'completed', colour: 1 },
  { status: 'cancelled', colour: 8 },
  { status: 'abandoned', colour: 4 },
  { status: 'refused', colour: 3 },
  { status: 'cut', colour: 7 },
  { status: 'failed', colour: 5 },
] as const;

interface OverviewChartsProps {
  readonly range: Range;
  readonly answer: SeriesAnswer;
}

export function OverviewCharts({ range, answer }: OverviewChartsProps): ReactNode {
  const common = {
    times: answer.times,
    span: [answer.since, answer.since + range.seconds],
    group: 'overview',
    height: 140,
  } as const;
  const chart = (props: Omit<TimeChartProps, keyof typeof common>): ReactNode => (
    <TimeChart {...common} {...props} />
  );
  return (
    <section className="charts" aria-label="Charts">
      {chart({
        name: 'Streams',
        form: 'area',
        series: [line(answer, 'streams_live', 'live', 1), ...queue(answer)],
      })}
      {chart({
        name: 'Tokens per second',
        form: 'area',
        format: rate,
        series: [
          line(answer, 'completion_tokens', 'completion', 1),
          line(answer, 'prompt_tokens', 'prompt', 2),
        ],
      })}
      {chart({
        name: 'Requests by outcome',
        form: 'bars',
        atRest: 'sum',
        series: outcomes
          .map(({ status, colour }) => ({
            ...{ name: status, colour },
            values: valuesOf(answer, 'requests_ended', { status }),
          }))
          .filter(({ values }) => amountOf(values) > 0),
        empty: 'No request ended in this time.',
      })}
      {chart({
        name: 'Time to first token',
        form: 'lines',
        format: duration,
        series: quantileLines(answer, 'ttft'),
        empty: 'No stream began in this time.',
      })}
      {chart({
        name: 'Gap between events',
        form: 'lines',
        format: duration,
        series: quantileLines(answer, 'gap'),
        empty: 'No stream ran in this time.',
      })}
      {chart({
        name: 'Errors by code',
        form: 'bars',
        atRest: 'sum',
        series: byCode(answer),
        empty: 'No errors in this time.',
      })}
      {chart({
        name: 'Spend',
        form: 'area',
        atRest: 'sum',
        format: money,
        series: amountOf(valuesOf(answer, 'spend')) > 0 ? [line(answer, 'spend', 'spend', 1)] : [],
        empty: 'Nothing was spent in this time.',
      })}
      {chart({
        name: 'Event-loop delay',
        form: 'lines',
        format: duration,
        series: [
          {
            name: 'p99',
            colour: 3,
            values: valuesOf(answer, 'loop_delay', { quantile: '0.99' }),
          },
        ],
        empty: 'No stream ran in this time.',
      })}
      {chart({
        name: 'Memory',
        form: 'area',
        isBinary: true,
        format: bytes,
        series: [line(answer, 'memory', 'resident', 1)],
      })}
    </section>
  );
}

function line(
  answer: SeriesAnswer,
  measure: string,
  name: string,
  colour: ChartSeries['colour'],
): ChartSeries {
  return { name, colour, values: valuesOf(answer, measure) };
}

function queue(answer: SeriesAnswer): readonly ChartSeries[] {
  const waiting = line(answer, 'engine_queue', 'waiting for the engine', 3);
  return waiting.values.some((value) => value !== null) ? [waiting] : [];
}

function quantileLines(answer: SeriesAnswer, measure: string): readonly ChartSeries[] {
  return quantiles.map(({ share, name, colour }) => ({
    ...{ name, colour },
    values: valuesOf(answer, measure, { quantile: share }),
  }));
}

/** The most frequent codes, each with a colour; the rest together. */
function byCode({ series, times }: SeriesAnswer): readonly ChartSeries[] {
  const all = series
    .filter(({ name }) => name === 'request_errors')
    .map(({ labels, values }) => ({ code: labels['code'] ?? '', values, amount: amountOf(values) }))
    .filter(({ amount }) => amount > 0)
    .toSorted((one, other) => other.amount - one.amount);
  const most = all.length > mostCodes ? mostCodes - 1 : mostCodes;
  const shown = all.slice(0, most).map(({ code, values }, index) => ({
    ...{ name: code, colour: errorColours[index] ?? chartColourAt(index), values },
  }));
  const rest = all.slice(most);
  if (rest.length === 0) return shown;
  const values = times.map((_, at) => rest.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));
  return [...shown, { name: `${compactCount(rest.length)} others`, colour: 8, values }];
}

const mostCodes = 6;
const errorColours = [5, 3, 7, 4, 2, 6] as const;
