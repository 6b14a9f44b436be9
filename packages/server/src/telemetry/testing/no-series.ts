import type { SeriesReader } from '../series/series.ts';

/** Where nothing is recorded. */
export const noSeries: SeriesReader = { read: () => ({ times: new Float64Array(0), series: [] }) };
