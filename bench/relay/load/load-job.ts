import type { HistogramData } from '../histogram.ts';
import type { StreamOrder } from '../record.ts';

/** A chat-completions endpoint, over plain HTTP. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly key: string;
  readonly model: string;
  /** Header lines of its own, each with its line end. */
  readonly headers?: string;
}

interface Measured {
  readonly target: LoadTarget;
  readonly order: StreamOrder;
  /** The processes whose use of CPU and memory is measured; empty where they are unknown. */
  readonly pids: readonly number[];
  readonly upstreamPid: number;
  readonly keepAlive: boolean;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** What the load process is asked to do; one job at a time. */
export type LoadJob =
  /** So many streams at a time, in each slot one after the other. */
  | (Measured & { readonly kind: 'streams'; readonly slots: number })
  /** So many requests a second, whether earlier ones have ended or not. */
  | (Measured & { readonly kind: 'requests'; readonly perSecond: number })
  /** Opens silent streams, and holds them until a job `close`. */
  | { readonly kind: 'open'; readonly target: LoadTarget; readonly streams: number }
  | { readonly kind: 'close' };

/** What was seen while it was measured, the warm-up and the end apart. */
export interface LoadResult {
  readonly seconds: number;
  readonly events: number;
  /** Answers that ended while it was measured. Every answer was checked, those before and behind it too. */
  readonly ended: number;
  readonly bytes: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly residentKb: number;
  readonly peakKb: number;
  /** CPU time of this process and of the upstream: they share the machine with the proxy. */
  readonly loadUs: number;
  readonly upstreamUs: number;
  /** CPU time of the whole machine, and what its hypervisor gave to another one. */
  readonly machineUs: number;
  readonly stolenUs: number;
  /** By how much longer a gap between two events was at the client than at the upstream. */
  readonly gap: HistogramData;
  /** From the upstream's write of an event to its arrival at the client. */
  readonly delay: HistogramData;
  /** From the request to the first event. For `requests`, from the moment at which the request was due. */
  readonly first: HistogramData;
  /** Requests that were due; of streams, those that began. */
  readonly offered: number;
  /** Requests that were not sent because too many were open. */
  readonly skipped: number;
}

/** What the load process sends back. */
export type LoadReport =
  | { readonly kind: 'window'; readonly is: 'open' | 'closed' }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string };
