/*
 * What one stream costs, as measured on one machine. `measure.ts` measures the first two groups anew; the others are taken from
 * docs/performance.md, whose words stand beside each figure.
 */
export interface Costs {
  /** Cores that a worker takes as long as anything streams, however little: timers, measures, wakes. */
  readonly coresWorker: number;
  /** Of the server's processes, for a request and its end, without its events. */
  readonly cpuUsRequest: number;
  readonly cpuUsEvent: number;
  /** Round trips to Redis of a stream whose key has limits: its script to take and its script to settle. */
  readonly redisCallsStream: number;
  /** What is added where the stream is resumable. */
  readonly redisCallsResumable: number;
  /** Bytes that a kept event takes in Redis, everything included. */
  readonly redisBytesEvent: number;
  /** Round trips of a replica that does nothing, a second. */
  readonly redisCallsReplicaSecond: number;
  /** Rows that are written, changed or deleted for a stream, and besides in each second of it: its progress. */
  readonly postgresWritesStream: number;
  readonly postgresWritesSecond: number;
  /** What stays of a stream: one record, with its indexes. */
  readonly postgresDiskBytesStream: number;
  readonly postgresWalBytesStream: number;
  readonly postgresWalBytesSecond: number;
}

/** From docs/performance.md and docs/operation.md. */
export const documented = {
  /** "300 streams, 142 to 150 MB", "after a start 104 to 107": 40 MB for 300 streams. */
  bytesOpenStream: 130_000,
  /** "some 40 MB for its parent and 35 MB for each worker". */
  parentBytes: 40e6,
  workerBytes: 35e6,
  /** "bytes an event 266". */
  networkBytesEvent: 266,
  /** A resumable stream: "+13 %" of CPU an event. */
  resumableCpuShare: 0.13,
  /** "the longest full collection 9.9 ms", "one comes each 4 s". */
  pauseSeconds: 0.01,
  pauseEverySeconds: 4,
} as const;
