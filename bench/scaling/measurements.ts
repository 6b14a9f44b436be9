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

/** Points that the costs are computed from. */
const used = 3;

/**
 * The costs of a stream, from the first three points: three equations for what a process takes anyway, a request and an event. The other
 * points were not used, so they can say how good the model is.
 */
export function costsOf({ points, redisCallsIdleSecond }: Measurements): Costs {
  const [short, chats, fewer] = points;
  const resumable = points.find((point) => point.resumable);
  if (short === undefined || chats === undefined || fewer === undefined || resumable === undefined) {
    throw new Error('measured.json lacks its first three points, or that of resumable streams');
  }
  // Chats and half as many of them: the difference has no cost of the process, and gives one line for a request with its events.
  const cpuUsChat = (coreUs(chats) - coreUs(fewer)) / (chats.streamsPerSecond - fewer.streamsPerSecond);
  const processUs = coreUs(fewer) - fewer.streamsPerSecond * cpuUsChat;
  const cpuUsShort = (coreUs(short) - processUs) / short.streamsPerSecond;
  const cpuUsEvent = (cpuUsChat - cpuUsShort) / (chats.events - short.events);
  const perSecond = (figure: (point: MeasuredPoint) => number) =>
    (figure(chats) - figure(short)) / (secondsOf(chats) - secondsOf(short));
  const writesSecond = perSecond(writesOf);
  const walSecond = perSecond(({ postgresWalBytesStream }) => postgresWalBytesStream);
  return {
    coresWorker: processUs / 1e6,
    cpuUsRequest: cpuUsShort - short.events * cpuUsEvent,
    cpuUsEvent,
    redisCallsStream: short.redisCallsStream - redisCallsIdleSecond / short.endedPerSecond,
    redisCallsResumable: resumable.redisCallsStream - chats.redisCallsStream,
    redisBytesEvent: (resumable.redisBytesStream - chats.redisBytesStream) / resumable.events,
    redisCallsReplicaSecond: redisCallsIdleSecond,
    postgresWritesStream: writesOf(short) - secondsOf(short) * writesSecond,
    postgresWritesSecond: writesSecond,
    postgresDiskBytesStream: short.postgresDiskBytesStream,
    postgresWalBytesStream: short.postgresWalBytesStream - secondsOf(short) * walSecond,
    postgresWalBytesSecond: walSecond,
  };
}

function coreUs({ streamsPerSecond, cpuUsStream }: MeasuredPoint): number {
  return streamsPerSecond * cpuUsStream;
}

function secondsOf({ events, intervalMs }: MeasuredPoint): number {
  return (events * intervalMs) / 1e3;
}

function writesOf({ postgresInsertsStream, postgresChangesStream }: MeasuredPoint): number {
  return postgresInsertsStream + postgresChangesStream;
}

/** What the model says of a point, divided by what was measured. */
export interface Prediction {
  readonly point: MeasuredPoint;
  readonly cpu: number;
  readonly redisCalls: number;
  readonly postgresWrites: number;
  readonly postgresWal: number;
}

/** Measured points that the costs were not computed from, beside what these predict. */
export function predictionsOf(measurements: Measurements): readonly Prediction[] {
  const costs = costsOf(measurements);
  return measurements.points
    .slice(used)
    .filter(({ resumable }) => !resumable)
    .map((point) => ({
      point,
      cpu:
        ((costs.coresWorker * 1e6) / point.streamsPerSecond +
          costs.cpuUsRequest +
          point.events * costs.cpuUsEvent) /
        point.cpuUsStream,
      redisCalls:
        (costs.redisCallsStream + costs.redisCallsReplicaSecond / point.endedPerSecond) /
        point.redisCallsStream,
      postgresWrites:
        (costs.postgresWritesStream + secondsOf(point) * costs.postgresWritesSecond) / writesOf(point),
      postgresWal:
        (costs.postgresWalBytesStream + secondsOf(point) * costs.postgresWalBytesSecond) /
        point.postgresWalBytesStream,
    }));
}
