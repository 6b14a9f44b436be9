import { writeFileSync } from 'node:fs';
import { documented } from './costs.ts';
import { type FleetNeeds, type FleetRules, fleetNeeds } from './fleet.ts';
import { costsOf, measurementsFile, predictionsOf, readMeasurements } from './measurements.ts';
import { meanWaitForPlaceSeconds, openAfterBurst } from './queueing.ts';
import { diceOf } from './random.ts';
import { simulateEngines } from './simulate-engines.ts';
import { simulateWorkers, type WorkersSeen } from './simulate-workers.ts';
import type { Traffic } from './traffic.ts';

const usage = `npm run bench -- scaling           what a fleet needs, on paper, simulated, and beside what was measured
npm run bench -- scaling measure   measures anew what a stream costs, with a PostgreSQL and a Redis (5 minutes)
`;

/** An ordinary chat: 300 tokens at 50 a second; a tenth of the streams resumable; the busiest minute 2.5 times the average one. */
const chat = {
  peakToMean: 2.5,
  outputTokens: 300,
  tokensPerSecond: 50,
  firstTokenSeconds: 0.5,
  resumableShare: 0.1,
};
const traffics: readonly Traffic[] = [
  { name: 'a million a day', streamsPerDay: 1e6, ...chat },
  { name: 'a hundred million', streamsPerDay: 1e8, ...chat },
  { name: 'a billion a day', streamsPerDay: 1e9, ...chat },
];
const rules: FleetRules = {
  workerUtilisation: 0.6,
  workersPerReplica: 16,
  spareReplicas: 1,
  retentionSeconds: 600,
  recordDays: 90,
};
const measuredSeconds = 20;

export async function scaling(args: readonly string[]): Promise<void> {
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const [command] = args;
  if (command === undefined) {
    say(fleetTable());
    say(`\n${predictionTable()}`);
    say(`\n${workersTable()}`);
    say(`\n${enginesTable()}`);
    return;
  }
  if (command !== 'measure') return say(usage);
  // Only here: it needs what tests need.
  const { measure } = await import('./measure.ts');
  writeFileSync(measurementsFile, `${JSON.stringify(await measure(measuredSeconds, say), null, 2)}\n`);
}

function fleetTable(): string {
  const costs = costsOf(readMeasurements());
  const columns = traffics.map((traffic) => fleetNeeds(traffic, costs, rules));
  const row = (title: string, figure: (needs: FleetNeeds) => string) => [title, ...columns.map(figure)];
  return table([
    ['at the busiest minute', ...traffics.map(({ name }) => name)],
    row('streams a second', ({ load }) => short(load.streamsPerSecond)),
    row('open streams, 99.9 %', ({ load }) => short(load.openStreamsAtMost)),
    row('tokens a second, of the engines', ({ engineTokensPerSecond }) => short(engineTokensPerSecond)),
    row('cores of work', ({ cores }) => short(cores)),
    row('workers at 60 %', ({ workers }) => short(workers)),
    row('replicas of 16 workers, one spare', ({ replicas }) => short(replicas)),
    row('memory of all', ({ memoryBytes }) => bytes(memoryBytes)),
    row('network to clients, a second', ({ networkBytesPerSecond }) => bytes(networkBytesPerSecond)),
    row('mean wait of an event, ms', ({ eventWaitSeconds }) => short(eventWaitSeconds * 1e3)),
    row('Redis, round trips a second', ({ redisCallsPerSecond }) => short(redisCallsPerSecond)),
    row('Redis, memory', ({ redisBytes }) => bytes(redisBytes)),
    row('PostgreSQL, rows written a second', ({ postgresWritesPerSecond }) => short(postgresWritesPerSecond)),
    row('PostgreSQL, log a second', ({ postgresWalBytesPerSecond }) => bytes(postgresWalBytesPerSecond)),
    row('PostgreSQL, records a day', ({ postgresRecordsPerDay }) => short(postgresRecordsPerDay)),
    row('PostgreSQL, disk for 90 days', ({ postgresDiskBytes }) => bytes(postgresDiskBytes)),
  ]);
}

function predictionTable(): string {
  return table([
    ['on paper / measured', 'CPU', 'Redis round trips', 'PostgreSQL rows written', 'PostgreSQL log'],
    ...predictionsOf(readMeasurements()).map(({ point, cpu, redisCalls, postgresWrites, postgresWal }) => [
      `${point.name}: ${point.streamsPerSecond}/s of ${point.events} events`,
      ...[cpu, redisCalls, postgresWrites, postgresWal].map((ratio) => ratio.toFixed(2)),
    ]),
  ]);
}

/** Four workers of the fleet at rising load: what the paper says, and what happens. */
function workersTable(): string {
  const costs = costsOf(readMeasurements());
  const workers = 4;
  const secondsStream = chat.outputTokens / chat.tokensPerSecond;
  const workStream = (costs.cpuUsRequest + chat.outputTokens * costs.cpuUsEvent) / 1e6;
  const pause = { everySeconds: documented.pauseEverySeconds, seconds: documented.pauseSeconds };
  const simulated = (load: number, burst?: { factor: number; seconds: number }): WorkersSeen =>
    simulateWorkers({
      ...{ dice: diceOf(1), workers, pause, ...costs, ...chat },
      ...(burst === undefined ? {} : { burst }),
      streamsPerSecond: (workers * load) / workStream,
      warmUpSeconds: 4 * secondsStream,
      seconds: burst?.seconds ?? 30,
    });
  const rows = [0.3, 0.6, 0.8, 0.9].map((load) => {
    const seen = simulated(load);
    const perSecond = load / workStream;
    const paper = fleetWait(perSecond, costs);
    return [
      `${load * 100} % busy`,
      `${short(perSecond * workers * secondsStream)} / ${short(seen.openMean)}`,
      `${seen.utilisation.toFixed(2)}`,
      `${(paper * 1e3).toFixed(2)} / ${(seen.waitMeanSeconds * 1e3).toFixed(2)}`,
      (seen.waitP99Seconds * 1e3).toFixed(1),
    ];
  });
  const burst = { factor: 2, seconds: 10 };
  const base = 0.4;
  const seen = simulated(base, burst);
  const paper = openAfterBurst(
    ((workers * base) / workStream) * secondsStream,
    burst.factor,
    burst.seconds,
    secondsStream,
  );
  rows.push([
    `40 % busy, twice as many for 10 s`,
    `${short(paper)} / ${short(seen.openMax)} at most`,
    seen.utilisation.toFixed(2),
    `– / ${(seen.waitMeanSeconds * 1e3).toFixed(2)}`,
    (seen.waitP99Seconds * 1e3).toFixed(1),
  ]);
  return table([
    [
      '4 workers: on paper / simulated',
      'open streams',
      'utilisation',
      'mean wait of an event, ms',
      'its p99, ms',
    ],
    ...rows,
  ]);
}

function fleetWait(perSecond: number, costs: ReturnType<typeof costsOf>): number {
  const traffic: Traffic = {
    name: '',
    streamsPerDay: perSecond * 86_400,
    ...chat,
    peakToMean: 1,
    resumableShare: 0,
  };
  return fleetNeeds(traffic, costs, { ...rules, workerUtilisation: 1 }).eventWaitSeconds;
}

/** What the choice of an engine is worth: four engines of 32 places each, answers of 6 s. */
function enginesTable(): string {
  const engines = { engines: 4, placesPerEngine: 32, answerSeconds: 6, requests: 60_000 };
  const places = engines.engines * engines.placesPerEngine;
  return table([
    ['4 engines of 32 places: mean wait / p99, s', 'one line (Erlang)', 'least_busy', 'weight'],
    ...[0.7, 0.8, 0.9, 0.95].map((load) => {
      const requestsPerSecond = (load * places) / engines.answerSeconds;
      const seen = (balance: 'least_busy' | 'weight') => {
        const waits = simulateEngines({ dice: diceOf(1), ...engines, requestsPerSecond, balance });
        return `${waits.waitMeanSeconds.toFixed(3)} / ${waits.waitP99Seconds.toFixed(2)}`;
      };
      return [
        `${load * 100} % of places taken`,
        meanWaitForPlaceSeconds(places, load * places, engines.answerSeconds).toFixed(3),
        seen('least_busy'),
        seen('weight'),
      ];
    }),
  ]);
}

/** As the docs have it. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  return [head, head.map(() => '---'), ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function short(value: number): string {
  if (value >= 1_000) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US');
  return String(Number(value.toPrecision(2)));
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)));
  return `${short(value / 1_000 ** power)} ${units[power]}`;
}
