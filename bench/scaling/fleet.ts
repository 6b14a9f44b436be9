import { type Costs, documented } from './costs.ts';
import { meanWaitSeconds } from './queueing.ts';
import { type PeakLoad, peakLoadOf, type Traffic } from './traffic.ts';

/** How the fleet is to be built. */
export interface FleetRules {
  /** The share of its time in which a worker works at the peak. The rest is for bursts and for a replica that is away. */
  readonly workerUtilisation: number;
  readonly workersPerReplica: number;
  /** Replicas that may be away at the peak: one that is restarted, one that has failed. */
  readonly spareReplicas: number;
  /** `stream.retention` */
  readonly retentionSeconds: number;
  /** `storage.retention` */
  readonly recordDays: number;
}

/** What a fleet of Tailrace needs, at the busiest minute of the day where a figure is a rate. */
export interface FleetNeeds {
  readonly load: PeakLoad;
  readonly cores: number;
  readonly workers: number;
  readonly replicas: number;
  readonly memoryBytes: number;
  readonly networkBytesPerSecond: number;
  /** For how long an event waits for its worker on average, pauses of the collector included. */
  readonly eventWaitSeconds: number;
  readonly redisCallsPerSecond: number;
  readonly redisBytes: number;
  readonly postgresWritesPerSecond: number;
  readonly postgresWalBytesPerSecond: number;
  readonly postgresRecordsPerDay: number;
  readonly postgresDiskBytes: number;
  /** Of the engines behind it, not of Tailrace. */
  readonly engineTokensPerSecond: number;
}

export function fleetNeeds(traffic: Traffic, costs: Costs, rules: FleetRules): FleetNeeds {
  const load = peakLoadOf(traffic);
  const { streamsPerSecond, eventsPerSecond } = load;
  const cpuUsEvent = costs.cpuUsEvent * (1 + documented.resumableCpuShare * traffic.resumableShare);
  const cores = (streamsPerSecond * costs.cpuUsRequest + eventsPerSecond * cpuUsEvent) / 1e6;
  const workers = Math.max(1, Math.ceil(cores / (rules.workerUtilisation - costs.coresWorker)));
  const replicas = Math.ceil(workers / rules.workersPerReplica) + rules.spareReplicas;
  const resumablePerSecond = streamsPerSecond * traffic.resumableShare;
  const writesStream = costs.postgresWritesStream + load.streamSeconds * costs.postgresWritesSecond;
  const walBytesStream = costs.postgresWalBytesStream + load.streamSeconds * costs.postgresWalBytesSecond;
  return {
    load,
    cores: cores + workers * costs.coresWorker,
    workers,
    replicas,
    memoryBytes:
      replicas * documented.parentBytes +
      (workers + rules.spareReplicas * rules.workersPerReplica) * documented.workerBytes +
      load.openStreamsAtMost * documented.bytesOpenStream,
    networkBytesPerSecond: eventsPerSecond * documented.networkBytesEvent,
    eventWaitSeconds: meanWaitSeconds([
      { perSecond: streamsPerSecond / workers, seconds: costs.cpuUsRequest / 1e6 },
      { perSecond: eventsPerSecond / workers, seconds: cpuUsEvent / 1e6 },
      { perSecond: 1 / documented.pauseEverySeconds, seconds: documented.pauseSeconds },
    ]),
    redisCallsPerSecond:
      streamsPerSecond * costs.redisCallsStream +
      resumablePerSecond * costs.redisCallsResumable +
      replicas * costs.redisCallsReplicaSecond,
    redisBytes:
      resumablePerSecond *
      (load.streamSeconds + rules.retentionSeconds) *
      traffic.outputTokens *
      costs.redisBytesEvent,
    postgresWritesPerSecond: streamsPerSecond * writesStream,
    postgresWalBytesPerSecond: streamsPerSecond * walBytesStream,
    postgresRecordsPerDay: traffic.streamsPerDay,
    postgresDiskBytes: traffic.streamsPerDay * rules.recordDays * costs.postgresDiskBytesStream,
    engineTokensPerSecond: eventsPerSecond,
  };
}
