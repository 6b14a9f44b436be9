import { openAtMost, openOnAverage } from './queueing.ts';

/** What clients ask for. Everything else is computed from it. */
export interface Traffic {
  readonly name: string;
  readonly streamsPerDay: number;
  /** The busiest minute of the day beside the average one. */
  readonly peakToMean: number;
  /** Of an answer. One event has one token, as engines send them. */
  readonly outputTokens: number;
  /** How fast one answer is written. */
  readonly tokensPerSecond: number;
  /** Before the first token. */
  readonly firstTokenSeconds: number;
  /** The share of streams that are asked for with `Tailrace-Resumable`. */
  readonly resumableShare: number;
}

/** What that is at the busiest minute. */
export interface PeakLoad {
  readonly streamsPerSecond: number;
  readonly streamSeconds: number;
  readonly eventsPerSecond: number;
  readonly openStreams: number;
  /** In all but one in a thousand moments no more than these are open. */
  readonly openStreamsAtMost: number;
}

const secondsOfDay = 86_400;
/** Of a normal distribution, exceeded once in a thousand times. */
export const onceInAThousand = 3.09;

export function peakLoadOf(traffic: Traffic): PeakLoad {
  const streamsPerSecond = (traffic.streamsPerDay / secondsOfDay) * traffic.peakToMean;
  const streamSeconds = traffic.firstTokenSeconds + traffic.outputTokens / traffic.tokensPerSecond;
  const openStreams = openOnAverage(streamsPerSecond, streamSeconds);
  return {
    streamsPerSecond,
    streamSeconds,
    eventsPerSecond: streamsPerSecond * traffic.outputTokens,
    openStreams,
    openStreamsAtMost: openAtMost(openStreams, onceInAThousand),
  };
}
