import { setImmediate as turn } from 'node:timers/promises';
import { asciiJson } from '@tailrace/protocol';
import { fail, ok, type Result } from '../../domain/failure.ts';
import { didYouMean } from '../../domain/nearest.ts';
import { quoted, readParameters, wrong } from '../../domain/query-parameters.ts';
import { readTime } from '../../metering/usage-report/read-time.ts';
import { isMeasureName, type MeasureName, measureNames, measureOf } from '../../telemetry/measures.ts';
import {
  pointsKept,
  type SeriesPoints,
  type SeriesQuery,
  type SeriesReader,
  stepSeconds,
} from '../../telemetry/series/series.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/series`: time series of the last 24 hours, for the console. `clock`: Unix milliseconds. */
export function adminSeriesRoute(series: SeriesReader, clock: () => number): Route {
  return {
    method: 'GET',
    path: '/admin/v1/series',
    access: 'admin',
    readsQuery: true,
    async handle(exchange) {
      const query = readSeriesQuery(exchange.query, clock());
      if (!query.ok) return await replyFailure(exchange, query.failure);
      return replyJson(exchange, 200, await seriesJson(await series.read(query.value), query.value));
    },
  };
}

function readSeriesQuery(query: string, nowMs: number): Result<SeriesQuery> {
  const read = readParameters(query, ['names', 'since']);
  if (!read.ok) return read;
  const names = readNames(read.value.names);
  if (!names.ok) return names;
  const since = readSince(read.value.since, nowMs);
  if (!since.ok) return since;
  const oldest = Math.floor(nowMs / 1_000) - pointsKept * stepSeconds;
  const from = { since: Math.max(oldest, Math.ceil(since.value / 1_000)) };
  return ok(names.value === undefined ? from : { ...from, names: names.value });
}

/** As other routes take times, or as a point has its own. */
function readSince(text: string | undefined, nowMs: number): Result<number> {
  if (text === undefined) return ok(0);
  if (unixSeconds.test(text)) return ok(Number(text) * 1_000);
  const read = readTime('since', text, nowMs);
  if (read.ok) return read;
  const expected =
    'the time of a point (Unix seconds), a time (2026-11-28T09:00:00Z), a date or a duration (15m)';
  return fail(wrong('since', `is ${quoted(text)}; expected ${expected}`));
}

/** From 2001 to 2286; with 13 digits it would be milliseconds. */
const unixSeconds = /^\d{10}$/;

function readNames(text: string | undefined): Result<readonly MeasureName[] | undefined> {
  if (text === undefined) return ok(undefined);
  const names: MeasureName[] = [];
  for (const name of text.split(',').map((part) => part.trim())) {
    if (!isMeasureName(name)) {
      const hint = didYouMean(name, measureNames);
      const expected = `expected some of ${measureNames.join(', ')}, with commas between them`;
      return fail(wrong('names', `has ${quoted(name)}${hint}; ${expected}`));
    }
    names.push(name);
  }
  return ok(names);
}

/** All series of a day are megabytes of text: each series is written in a turn of its own, so that streams do not wait. */
async function seriesJson(all: readonly SeriesPoints[], { since }: SeriesQuery): Promise<string> {
  const data: string[] = [];
  for (const { name, labels, times, values } of all) {
    const points: string[] = [];
    for (const [index, time] of times.entries()) points.push(`[${time},${shown(values[index] ?? 0)}]`);
    const head = asciiJson({ name, unit: measureOf(name).unit, labels });
    data.push(`${head.slice(0, -1)},"points":[${points.join()}]}`);
    await turn();
  }
  return `{"data":[${data.join()}],"step_seconds":${stepSeconds},"since":${since}}`;
}

/** Values are kept with seven digits: what a double shows beyond them is noise. */
function shown(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
