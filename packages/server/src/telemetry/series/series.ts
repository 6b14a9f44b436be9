import type { Labels } from '../contract.ts';
import type { MeasureName } from '../measures.ts';

/** Seconds between two points of a series. */
export const stepSeconds = 10;
/** Points of a series: 24 hours of them. */
export const pointsKept = (24 * 60 * 60) / stepSeconds;

/** Which points of which series. */
export interface SeriesQuery {
  /** Absent: all. */
  readonly names?: readonly MeasureName[];
  /** Unix seconds: no earlier point. */
  readonly since: number;
  /** Seconds between two points, a multiple of {@link stepSeconds}. Default: that. */
  readonly step?: number;
}

/** Series over the same steps, oldest first. It can be sent to another process. */
export interface SeriesTable {
  /** Unix seconds, each the end of a step that was recorded. */
  readonly times: Float64Array;
  readonly series: readonly SeriesValues[];
}

export interface SeriesValues {
  readonly name: MeasureName;
  readonly labels: Labels;
  /** As many as `times`, of 24 bits, which is seven digits; NaN where a step has no value. */
  readonly values: Float32Array;
}

/** The time series of a whole service. */
export interface SeriesReader {
  read(query: SeriesQuery): SeriesTable | Promise<SeriesTable>;
}
