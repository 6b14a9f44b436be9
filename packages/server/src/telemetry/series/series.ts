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
}

/** The points of one series, oldest first. It can be sent to another process. */
export interface SeriesPoints {
  readonly name: MeasureName;
  readonly labels: Labels;
  /** Unix seconds, each the end of a step. Steps without a value are left out. */
  readonly times: Float64Array;
  /** As many as `times`; of 24 bits, which is seven digits. */
  readonly values: Float32Array;
}

/** The time series of a whole service. */
export interface SeriesReader {
  read(query: SeriesQuery): readonly SeriesPoints[] | Promise<readonly SeriesPoints[]>;
}
