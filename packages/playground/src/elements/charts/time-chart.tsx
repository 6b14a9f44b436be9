import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockTime, compactCount, shortClockTime, shortDay } from '../format.ts';
import { colourToken, useIsDark } from './chart-colours.ts';
import { type ChartSeries, chartInWords } from './chart-series.ts';
import './charts.css';
import { plotData, plotOptions } from './plot-options.ts';

export interface TimeChartProps {
  readonly name: string;
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  /** Each has as many values as there are times. */
  readonly series: readonly ChartSeries[];
  /** `bars` are stacked, in the order of the series. */
  readonly form: 'lines' | 'area' | 'bars';
  /** The time axis, in Unix seconds. Default: from the first time to the last. */
  readonly span?: readonly [from: number, to: number];
  /** Of a value in the legend. Default: a count. */
  readonly format?: (value: number) => string;
  /** Of a value at the axis. Default: as `format`. */
  readonly formatAxis?: (value: number) => string;
  /** Of a time in the legend. Default: `14:03:09`. */
  readonly formatTime?: (seconds: number) => string;
  /** At the axis, for times that are `step` seconds apart. Default: the time of day, and days where they are that far apart. */
  readonly formatTimeAxis?: (seconds: number, step: number) => string;
  /** The least seconds between two times at the axis. */
  readonly timeStep?: number;
  /** The value axis is divided by powers of two, as bytes are. */
  readonly isBinary?: boolean;
  /** The axis is divided by the days of UTC, and not of the reader's zone. */
  readonly isUtc?: boolean;
  /** Charts of one group show the same time while the pointer is over one of them. */
  readonly group?: string;
  readonly height?: number;
  /** What the legend shows of a series while no time is chosen: its newest value, or all of its values together. */
  readonly atRest?: 'last' | 'sum';
  /** In the place of the plot where no series has a value. */
  readonly empty?: string;
}

/**
 * A chart over time. Its legend shows the values at the pointer, else the newest ones. The plot takes no focus; what it shows is there in
 * words for screen readers.
 */
export function TimeChart(props: TimeChartProps): ReactNode {
  const { name, times, series, form, atRest = 'last', height = 150 } = props;
  const {
    format = compactCount,
    formatAxis = format,
    formatTime = (seconds: number) => clockTime(seconds * 1_000),
    formatTimeAxis = axisTime,
    empty = 'No values in this time.',
  } = props;
  const [chosen, choose] = useState<number>();
  const isEmpty = !series.some(({ values }) => values.some((value) => value !== null));
  const at = chosen !== undefined && chosen < times.length ? chosen : undefined;
  const time = at === undefined ? undefined : times[at];
  return (
    <figure className="chart" aria-label={name}>
      <figcaption>
        <h3>{name}</h3>
        {time !== undefined && <span className="hint">{formatTime(time)}</span>}
      </figcaption>
      {isEmpty ? (
        <p className="no-values" style={{ height }}>
          {empty}
        </p>
      ) : (
        <>
          <Plot {...props} {...{ height, form, formatAxis, formatTimeAxis, onChoose: choose }} />
          <p className="unseen">{chartInWords({ times, series, format, formatTime })}</p>
          <Legend {...{ name, series, format, at, atRest }} />
        </>
      )}
    </figure>
  );
}

interface LegendProps {
  readonly name: string;
  readonly series: readonly ChartSeries[];
  /** The time that is chosen. */
  readonly at: number | undefined;
  readonly atRest: 'last' | 'sum';
  readonly format: (value: number) => string;
}

/** Below the plot, so that the plots of a row stand in one line however long their legends are. */
function Legend({ name, series, at, atRest, format }: LegendProps): ReactNode {
  return (
    <ul className="chart-legend" aria-label={`Legend of ${name}`}>
      {series.map((one) => {
        const value = at === undefined ? restValue(one, atRest) : one.values[at];
        return (
          <li key={`${one.colour} ${one.name}`}>
            <span className="swatch" style={{ background: colourToken(one.colour) }} />
            <span className="series-name" title={one.name}>
              {one.name}
            </span>
            {value !== undefined && value !== null && <span className="figure">{format(value)}</span>}
          </li>
        );
      })}
    </ul>
  );
}

function restValue({ values }: ChartSeries, atRest: 'last' | 'sum'): number | null | undefined {
  if (atRest === 'sum') return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return values.findLast((value) => value !== null);
}

function axisTime(seconds: number, step: number): string {
  const at = seconds * 1_000;
  const isMidnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  if (step >= 86_400 || isMidnight) return shortDay(at);
  return step < 60 ? clockTime(at) : shortClockTime(at);
}

interface PlotProps extends TimeChartProps {
  readonly height: number;
  readonly formatAxis: (value: number) => string;
  readonly formatTimeAxis: (seconds: number, step: number) => string;
  onChoose(at: number | undefined): void;
}

function Plot(props: PlotProps): ReactNode {
  const { times, series, form, span, height, group } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const isDark = useIsDark();
  // uPlot asks for these whenever it draws: the newest ones count.
  const newest = useRef(props);
  newest.current = props;
  const data = useMemo(() => plotData({ times, series, form }), [times, series, form]);
  const drawn = useRef(data);
  drawn.current = data;
  const look = JSON.stringify([
    series.map(({ name, colour }) => [name, colour]),
    form,
    group,
    height,
    isDark,
  ]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `look` stands for all that needs a new plot.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(
      plotOptions({ width: element.clientWidth, height, group, newest: () => newest.current }),
      drawn.current,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [look]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another span draws the same data anew.
  useEffect(() => {
    plot.current?.setData(data);
  }, [data, span?.[0], span?.[1]]);

  return <div className="plot" ref={place} style={{ height }} aria-hidden="true" />;
}
