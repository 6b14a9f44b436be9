import { expect, test } from 'vitest';
import { costsOf, type MeasuredPoint, predictionsOf, readMeasurements } from './measurements.ts';

/** A machine that costs exactly 0.05 cores, 2 ms a request and 15 µs an event; 4 rows a stream and 2 in each second. */
function point(name: string, streamsPerSecond: number, events: number, intervalMs: number): MeasuredPoint {
  const seconds = (events * intervalMs) / 1e3;
  return {
    ...{ name, streamsPerSecond, events, intervalMs, resumable: false, endedPerSecond: streamsPerSecond },
    cpuUsStream: 50_000 / streamsPerSecond + 2_000 + 15 * events,
    redisCallsStream: 2 + 5 / streamsPerSecond,
    redisBytesStream: 0,
    postgresInsertsStream: 2,
    postgresChangesStream: 2 + 2 * seconds,
    postgresCommitsStream: 3,
    postgresWalBytesStream: 2_000 + 300 * seconds,
    postgresDiskBytesStream: 800,
  };
}

test('the costs of a machine are found in its measurements, and predict the other points', () => {
  const chats = point('chats', 20, 150, 20);
  const measurements = {
    measuredAt: '2026-11-29',
    redisCallsIdleSecond: 5,
    points: [
      point('short', 100, 5, 1),
      chats,
      point('fewer', 10, 150, 20),
      { ...chats, resumable: true, redisCallsStream: 22.25, redisBytesStream: 45_000 },
      point('long', 8, 500, 10),
    ],
  };
  const costs = costsOf(measurements);
  expect(costs.coresWorker).toBeCloseTo(0.05);
  expect(costs.cpuUsRequest).toBeCloseTo(2_000);
  expect(costs.cpuUsEvent).toBeCloseTo(15);
  expect(costs.redisCallsStream).toBeCloseTo(2);
  expect(costs.redisCallsResumable).toBeCloseTo(20);
  expect(costs.redisBytesEvent).toBe(300);
  expect(costs.postgresWritesStream).toBeCloseTo(4);
  expect(costs.postgresWritesSecond).toBeCloseTo(2);
  const [long] = predictionsOf(measurements);
  expect(long?.cpu).toBeCloseTo(1);
  expect(long?.redisCalls).toBeCloseTo(1);
  expect(long?.postgresWrites).toBeCloseTo(1);
  expect(long?.postgresWal).toBeCloseTo(1);
});

test('what was measured here is within a third of what the model says', () => {
  const predictions = predictionsOf(readMeasurements());
  expect(predictions.length).toBeGreaterThanOrEqual(3);
  for (const { cpu, redisCalls, postgresWrites, postgresWal } of predictions)
    for (const ratio of [cpu, redisCalls, postgresWrites, postgresWal]) {
      expect(ratio).toBeGreaterThan(0.67);
      expect(ratio).toBeLessThan(1.5);
    }
});
