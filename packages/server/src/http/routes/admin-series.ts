import { setImmediate as turn } from 'node:timers/promises';
import { asciiJson } from '@tailrace/protocol';
import { parseDuration } from '../../config/units.ts';
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts';
import { didYouMean } from '../../domain/nearest.ts';
import { quoted, readParameters, wrong } from '../../domain/query-parameters.ts';
import { readTime } from '../../metering/usage-report/read-time.ts';
import { isMeasureName, type MeasureName, measureNames, measureOf } from '../../telemetry/measures.ts';
import {
  pointsKept,
  type SeriesQuery,
  type SeriesReader,
  type SeriesTable,
  stepSeconds,
} from '../../telemetry/series/series.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/series`: time series of the last 24 hours, for the console. `clock`: Unix milliseconds. */
export function adminSeriesRoute(series: SeriesReader, clock: () => number): Route {
  const next = oneAfterTheOther();

  async function answer(query: SeriesQuery): Promise<Result<string>> {
    const table = await series.read(query);
    if (table.series.length * table.times.length > mostPoints) return fail(tooMany(table));
    return ok(await seriesJson(table, query));
  }

  return {
    method: 'GET',
    path: '/admin/v1/series',
    access: 'admin',
    readsQuery: true,
    async handle(exchange) {
      const query = readSeriesQuery(exchange.query, clock());
      if (!query.ok) return await replyFailure(exchange, query.failure);
      const json = await next(async () => (exchange.response.closed ? undefined : answer(query.value)));
      // The client has left while it waited.
      if (json === undefined) return;
      return json.ok
        ? await replyJson(exchange, 200, json.value)
        : await replyFailure(exchange, json.failure);
    },
  };
}

/**
 * Of forty answers of a day made at the same time, each turn of the loop has a part of every one: 0.85 s (p99), and 1.7 GB at the
 * peak; so it is 50 ms and 0.45 GB.
 */
function oneAfterTheOther() {
  let last: Promise<unknown> = Promise.resolve();
  return <Value>(work: () => Promise<Value>): Promise<Value> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
}

function readSeriesQuery(query: string, nowMs: number): Result<SeriesQuery> {
  const read = readParameters(query, ['names', 'since', 'step']);
  if (!read.ok) return read;
  const names = readNames(read.value.names);
  if (!names.ok) return names;
  const since = readSince(read.value.since, nowMs);
  if (!since.ok) return since;
  const step = readStep(read.value.step);
  if (!step.ok) return step;
  const oldest = Math.floor(nowMs / 1_000) - pointsKept * stepSeconds;
  const from = { since: Math.max(oldest, Math.ceil(since.value / 1_000)), step: step.value };
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

/** Seconds of a step: a duration, of whole steps as they are kept. */
function readStep(text: string | undefined): Result<number> {
  if (text === undefined) return ok(stepSeconds);
  const seconds = (parseDuration(text) ?? 0) / 1_000;
  const isWhole = seconds >= stepSeconds && seconds % stepSeconds === 0;
  if (isWhole && seconds <= pointsKept * stepSeconds) return ok(seconds);
  return fail(
    wrong('step', `is ${quoted(text)}; expected a multiple of ${stepSeconds}s up to 24h, such as 5m`),
  );
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

/** The most points of one answer: 18 MB of text. A day of a hundred series has fewer. */
const mostPoints = 1_000_000;

function tooMany({ series, times }: SeriesTable): Failure {
  const asked = `asks for ${series.length * times.length} points in ${series.length} series`;
  return wrong(
    'since',
    `${asked}; at most ${mostPoints} are given. Ask for a later time, a longer "step", or fewer "names"`,
  );
}

/** A day of many series is megabytes of text: each is written in a turn of its own, so that streams do not wait. */
async function seriesJson({ times, series }: SeriesTable, { since, step }: SeriesQuery): Promise<string> {
  const data: string[] = [];
  for (const { name, labels, values } of series) {
    const points: string[] = [];
    for (const [index, value] of values.entries())
      if (!Number.isNaN(value)) points.push(`[${times[index]},${shown(value)}]`);
    if (points.length === 0) continue;
    const head = asciiJson({ name, unit: measureOf(name).unit, labels });
    data.push(`${head.slice(0, -1)},"points":[${points.join()}]}`);
    await turn();
  }
  return `{"data":[${data.join()}],"step_seconds":${step ?? stepSeconds},"since":${since}}`;
}

/** Values are kept with seven digits: what a double shows beyond them is noise. */
function shown(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
