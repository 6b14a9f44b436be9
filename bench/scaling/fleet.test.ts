import { expect, test } from 'vitest';
import type { Costs } from './costs.ts';
import { type FleetRules, fleetNeeds } from './fleet.ts';
import type { Traffic } from './traffic.ts';

const traffic: Traffic = {
  name: 'round figures',
  streamsPerDay: 864_000,
  peakToMean: 2,
  outputTokens: 100,
  tokensPerSecond: 50,
  firstTokenSeconds: 1,
  resumableShare: 0.5,
};
const costs: Costs = {
  coresWorker: 0.05,
  cpuUsRequest: 1_000,
  cpuUsEvent: 20,
  redisCallsStream: 2,
  redisCallsResumable: 10,
  redisBytesEvent: 300,
  redisCallsReplicaSecond: 5,
  postgresWritesStream: 3,
  postgresWritesSecond: 2,
  postgresDiskBytesStream: 500,
  postgresWalBytesStream: 2_000,
  postgresWalBytesSecond: 300,
};
const rules: FleetRules = {
  workerUtilisation: 0.5,
  workersPerReplica: 2,
  spareReplicas: 1,
  retentionSeconds: 600,
  recordDays: 90,
};

test('the needs of a fleet follow from its traffic and what a stream costs', () => {
  const needs = fleetNeeds(traffic, costs, rules);
  // 10 a second on average, 20 at the peak; 3 s each: 60 open, and 3.09 × √60 more in bad moments.
  expect(needs.load).toEqual({
    streamsPerSecond: 20,
    streamSeconds: 3,
    eventsPerSecond: 2_000,
    openStreams: 60,
    openStreamsAtMost: 84,
  });
  // 20 × 1 ms, and 2,000 × 20 µs with 6.5 % for the half that is resumable; and what one worker takes anyway.
  expect(needs.cores).toBeCloseTo(0.0626 + 0.05);
  expect(needs.workers).toBe(1);
  expect(needs.replicas).toBe(2);
  expect(needs.memoryBytes).toBe(2 * 40e6 + 3 * 35e6 + 84 * 130_000);
  expect(needs.networkBytesPerSecond).toBe(532_000);
  expect(needs.redisCallsPerSecond).toBe(20 * 2 + 10 * 10 + 2 * 5);
  // 10 resumable streams a second, each there for 603 s, with 100 events.
  expect(needs.redisBytes).toBe(10 * 603 * 100 * 300);
  // 3 for each stream, and 2 in each of its 3 seconds.
  expect(needs.postgresWritesPerSecond).toBe(20 * 9);
  expect(needs.postgresWalBytesPerSecond).toBe(20 * 2_900);
  expect(needs.postgresDiskBytes).toBe(864_000 * 90 * 500);
  expect(needs.engineTokensPerSecond).toBe(2_000);
});

test('ten times the streams need ten times the cores, but not ten times the room above the average', () => {
  const small = fleetNeeds(traffic, costs, rules);
  const large = fleetNeeds({ ...traffic, streamsPerDay: 10 * traffic.streamsPerDay }, costs, rules);
  expect(large.cores - large.workers * 0.05).toBeCloseTo(10 * (small.cores - 0.05));
  expect(large.load.openStreamsAtMost).toBeLessThan(8.5 * small.load.openStreamsAtMost);
});
