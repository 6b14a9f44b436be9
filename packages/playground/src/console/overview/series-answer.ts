import { isObject } from '../../api/json.ts';

/** Some time series of the server, over the same times. */
export interface SeriesAnswer {
  /** Unix seconds: no earlier point was asked for. */
  readonly since: number;
  /** Unix seconds, each step once: also those in which no series has a value. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As many as there are times; null where the series has no value. */
  readonly values: readonly (number | null)[];
}

/** Reads what `GET /admin/v1/series` answers: points `[time, value]`, for steps with a value only. */
export function readSeries(body: unknown): SeriesAnswer {
  const { data, step_seconds: step, since } = isObject(body) ? body : {};
  const given = Array.isArray(data) ? data.flatMap((entry: unknown) => givenSeries(entry)) : [];
  const known = given.flatMap(({ points }) => [...points.keys()]);
  const times = steps(known, typeof step === 'number' ? step : 10);
  return {
    since: typeof since === 'number' ? since : 0,
    times,
    series: given.map(({ name, labels, points }) => ({
      ...{ name, labels },
      values: times.map((time) => points.get(time) ?? null),
    })),
  };
}

interface GivenSeries extends Pick<Series, 'name' | 'labels'> {
  readonly points: ReadonlyMap<number, number>;
}

function givenSeries(entry: unknown): GivenSeries[] {
  if (!isObject(entry) || typeof entry['name'] !== 'string' || !Array.isArray(entry['points'])) return [];
  const labels = isObject(entry['labels']) ? (entry['labels'] as Series['labels']) : {};
  return [
    {
      name: entry['name'],
      labels,
      points: new Map(entry['points'] as readonly (readonly [number, number])[]),
    },
  ];
}

/** All steps from the first known time to the last. */
function steps(known: readonly number[], step: number): number[] {
  if (known.length === 0) return [];
  const first = known.reduce((low, time) => Math.min(low, time));
  const last = known.reduce((high, time) => Math.max(high, time));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step);
}

type Labels = Series['labels'];

/** The values of one series; of one that is not there, none. */
export function valuesOf(
  answer: SeriesAnswer | undefined,
  name: string,
  labels: Labels = {},
): Series['values'] {
  const found = answer?.series.find(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );
  return found?.values ?? answer?.times.map(() => null) ?? [];
}

export function newestOf(values: Series['values']): number | undefined {
  return values.findLast((value) => value !== null) ?? undefined;
}

/** Of the series with this name, over all of their labels. */
export function sumOf(answer: SeriesAnswer | undefined, name: string): number {
  return (answer?.series ?? [])
    .filter((one) => one.name === name)
    .reduce((sum, { values }) => sum + amountOf(values), 0);
}

export function amountOf(values: Series['values']): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
