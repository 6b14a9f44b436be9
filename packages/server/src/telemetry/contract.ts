import type { ErrorCode } from '@tailrace/protocol';
import type { MeasureName } from './measures.ts';
import type { RequestOutcome } from './request-log.ts';

/*
 * The seam between the places where something happens and those who show figures of it. A place gets one instrument and adds to
 * it; it knows neither names nor readers. A reader (the time series; Prometheus) takes a whole reading from time to time.
 */

/** Counts upwards. */
export interface Counter {
  /**
   * Adds to the count. A negative amount takes back what was counted before its exact figure was known: the count stands still
   * until later amounts have made up for it.
   */
  add(amount: number): void;
}

/** One counter for each label. Labels come from closed unions only, so their number is bounded. */
export interface LabelledCounter<Label extends string> {
  of(label: Label): Counter;
}

/** Counts values by their size, in buckets of a fixed number. */
export interface Histogram {
  /** Counts one value. Whole numbers from 0 on; it costs one addition and allocates nothing. */
  note(value: number): void;
}

/** How a request for a completion has ended; one that was detached has not. */
export type EndedOutcome = Exclude<RequestOutcome, 'detached'>;

/** What one process counts, from its start to its end. */
export interface Instruments {
  /** Requests for a completion, also those that are refused. */
  readonly requestsStarted: Counter;
  readonly requestsEnded: LabelledCounter<EndedOutcome>;
  /** Requests that ended with an error, by its code. */
  readonly requestErrors: LabelledCounter<ErrorCode>;
  /** What usage records charge, counted while it is delivered. */
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly spentMicroUsd: Counter;
  /** Milliseconds from the start of a streamed run to its commit. */
  readonly ttftMs: Histogram;
  /** Milliseconds between two writes of events to a client. */
  readonly gapMs: Histogram;
  /** Milliseconds by which the event loop is late. */
  readonly loopDelayMs: Histogram;
  /** Has every reading call `read` for figures that are kept elsewhere. Not undone: the instruments live as long as what they watch. */
  watch(read: () => readonly Figure[]): void;
  read(): Reading;
}

export type Labels = Readonly<Record<string, string>>;

/** One figure of a reading: what a counter has counted since the start of the process, or what a gauge shows now. */
export interface Figure {
  readonly name: MeasureName;
  readonly labels: Labels;
  readonly value: number;
}

/** All that one process has counted until now. It can be sent to another process. */
export interface Reading {
  readonly figures: readonly Figure[];
  /** The counts of the buckets (`histogram.ts`). */
  readonly histograms: readonly { readonly name: MeasureName; readonly counts: Float64Array }[];
}
