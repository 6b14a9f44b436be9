import uPlot from 'uplot';
import { tokenValue } from './chart-colours.ts';
import { type ChartSeries, stacked } from './chart-series.ts';

/** What a plot asks of its element while it draws. */
export interface PlottedChart {
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly form: 'lines' | 'area' | 'bars';
  readonly span?: readonly [from: number, to: number];
  readonly isUtc?: boolean;
  readonly isBinary?: boolean;
  readonly timeStep?: number;
  readonly formatAxis: (value: number) => string;
  readonly formatTimeAxis: (seconds: number, step: number) => string;
  onChoose(at: number | undefined): void;
}

/** Bars are drawn from the whole to its first part, each over the one before: what is left to see of each is its own part. */
export function plotData({
  times,
  series,
  form,
}: Pick<PlottedChart, 'times' | 'series' | 'form'>): uPlot.AlignedData {
  const values = form === 'bars' ? stacked(series).toReversed() : series.map((one) => one.values);
  return [[...times], ...values.map((one) => [...one])];
}

interface PlotParts {
  readonly width: number;
  readonly height: number;
  readonly group: string | undefined;
  newest(): PlottedChart;
}

const font = '11px system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const axisGap = 6;
/** Of one letter of the axis, to make room for its figures. */
const letterPx = 6.4;

const [hour, day] = [3_600, 86_400];
const timeSteps = [hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day];
const powersOfTwo = Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);

export function plotOptions({ width, height, group, newest }: PlotParts): uPlot.Options {
  const { series, form, isUtc, isBinary, timeStep } = newest();
  const ordered = form === 'bars' ? series.toReversed() : series;
  const axis = { stroke: tokenValue('--muted'), font, gap: axisGap, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    ...(isUtc === true ? { tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') } : {}),
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 6, show: form !== 'bars' },
      ...(group === undefined ? {} : { sync: { key: group } }),
    },
    scales: {
      x: { time: true, range: (_, min, max) => timeRange(newest(), min, max) },
      y: { range: (_, __, max) => (max > 0 ? uPlot.rangeNum(0, max, 0.1, true) : [0, 1]) },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        ...(timeStep === undefined ? {} : { incrs: timeSteps.filter((step) => step >= timeStep) }),
        grid: { show: false },
        values: (_, splits, __, ___, step) => splits.map((at) => newest().formatTimeAxis(at, step)),
      },
      {
        ...axis,
        space: 30,
        ...(isBinary === true ? { incrs: powersOfTwo } : {}),
        grid: { stroke: tokenValue('--line'), width: 1 },
        values: (_, splits) => splits.map((value) => newest().formatAxis(value)),
        size: (_, values) =>
          axisGap + 6 + letterPx * Math.max(2, ...(values ?? []).map(({ length }) => length)),
      },
    ],
    series: [{}, ...ordered.map((one) => drawnSeries(one, form))],
    hooks: {
      setCursor: [
        ({ cursor: { idx, left } }) =>
          newest().onChoose(left !== undefined && left >= 0 ? (idx ?? undefined) : undefined),
      ],
    },
  };
}

function drawnSeries({ colour }: ChartSeries, form: PlottedChart['form']): uPlot.Series {
  const stroke = tokenValue(`--chart-${colour}`);
  if (form === 'bars') {
    const paths = uPlot.paths.bars?.({ size: [0.72, 48] });
    return { fill: stroke, width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  }
  return {
    stroke,
    width: 1.5,
    // Hexadecimal, with an alpha of 12 %.
    ...(form === 'area' ? { fill: `${stroke}1f` } : {}),
    points: { size: 4, fill: stroke, width: 0, filter: (plot, index) => lonePoints(plot.data[index]) },
  };
}

/** A value without neighbours is no line, and would not be seen. */
function lonePoints(values: ArrayLike<number | null | undefined> | undefined): number[] {
  if (values === undefined) return [];
  const isThere = (at: number): boolean => values[at] !== null && values[at] !== undefined;
  return Array.from({ length: values.length }, (_, at) => at).filter(
    (at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1),
  );
}

/** Bars stand around their time, so the first and the last need room. */
function timeRange({ span, times, form }: PlottedChart, min: number, max: number): [number, number] {
  if (span !== undefined) return [span[0], span[1]];
  const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 86_400;
  const room = form === 'bars' ? step / 2 : 0;
  return min === max && room === 0 ? [min - 1, max + 1] : [min - room, max + room];
}
