import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Costs } from './costs.ts';

/** What streams of one kind made of work, each figure for one stream. */
export interface MeasuredPoint {
  readonly name: string;
  readonly streamsPerSecond: number;
  readonly events: number;
  readonly intervalMs: number;
  readonly resumable: boolean;
  readonly endedPerSecond: number;
  readonly cpuUsStream: number;
  readonly redisCallsStream: number;
  readonly redisBytesStream: number;
  readonly postgresInsertsStream: number;
  readonly postgresChangesStream: number;
  readonly postgresCommitsStream: number;
  readonly postgresWalBytesStream: number;
  readonly postgresDiskBytesStream: number;
}

export interface Measurements {
  readonly measuredAt: string;
  readonly redisCallsIdleSecond: number;
  readonly points: readonly MeasuredPoint[];
}

/** The measurements that the repository holds; `npm run bench -- scaling measure` writes them anew. */
export const measurementsFile = join(import.meta.dirname, 'measured.json');

export function readMeasurements(): Measurements {
  return JSON.parse(readFileSync(measurementsFile, 'utf8')) as Measurements;
}

/**
 * The costs of a stream, from the first two points: two equations for what a request and what an event costs. The other points were not
 * used, so they can say how good the model is.
 */
export function costsOf({ points, redisCallsIdleSecond }: Measurements): Costs {
  const [short, long] = points;
  const resumable = points.find((point) => point.resumable);
  if (short === undefined || long === undefined || resumable === undefined) {
    throw new Error('measured.json lacks its first two points, or the one of resumable streams');
  }
  const cpuUsEvent = (long.cpuUsStream - short.cpuUsStream) / (long.events - short.events);
  return {
    cpuUsRequest: short.cpuUsStream - short.events * cpuUsEvent,
    cpuUsEvent,
    redisCallsStream: short.redisCallsStream - redisCallsIdleSecond / short.endedPerSecond,
    redisCallsResumable: resumable.redisCallsStream - long.redisCallsStream,
    redisBytesEvent: (resumable.redisBytesStream - long.redisBytesStream) / resumable.events,
    redisCallsReplicaSecond: redisCallsIdleSecond,
    postgresRowsStream: 1,
    postgresDeadRowsStream: short.postgresInsertsStream + short.postgresChangesStream - 1,
    postgresDiskBytesStream: short.postgresDiskBytesStream,
    postgresWalBytesStream: short.postgresWalBytesStream,
  };
}

export interface Prediction {
  readonly point: MeasuredPoint;
  /** What the model says, divided by what was measured. */
  readonly cpu: number;
  readonly redisCalls: number;
  readonly postgresWal: number;
}

/** Measured points that the costs were not computed from, beside what these predict. */
export function predictionsOf(measurements: Measurements): readonly Prediction[] {
  const costs = costsOf(measurements);
  return measurements.points
    .slice(2)
    .filter(({ resumable }) => !resumable)
    .map((point) => ({
      point,
      cpu: (costs.cpuUsRequest + point.events * costs.cpuUsEvent) / point.cpuUsStream,
      redisCalls:
        (costs.redisCallsStream + costs.redisCallsReplicaSecond / point.endedPerSecond) /
        point.redisCallsStream,
      postgresWal: costs.postgresWalBytesStream / point.postgresWalBytesStream,
    }));
}
