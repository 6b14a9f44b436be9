import type { ErrorCode } from '@tailrace/protocol';
import type { FigureName } from './metrics/metrics.ts';
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

/**
 * One counter, or histogram, for each combination of labels. What a client chose is never a label: labels come from closed unions,
 * the route table, and the configuration. Their number is bounded all the same: once there are a thousand, new ones are counted as
 * `other`.
 */
export interface Labelled<Values extends readonly string[], Instrument> {
  of(...values: Values): Instrument;
}

/** Counts values by their size, in buckets of a fixed number. */
export interface Histogram {
  /** Counts one value. Whole numbers from 0 on; it costs one addition and allocates nothing. */
  note(value: number): void;
}

/** How a request for a completion has ended; one that was detached has not. */
export type EndedOutcome = Exclude<RequestOutcome, 'detached'>;

/** A model in labels: its public id, or one of these. `none`: the request was refused before its model was known. */
export type ModelLabel = string;

/** Why a request was not admitted; `budget`: of tokens or dollars; `limits-away`, `records-away`: their store does not answer. */
export const admissionResults = [
  'admitted',
  'requests',
  'tokens',
  'streams',
  'budget',
  'limits-away',
  'records-away',
] as const;
export type AdmissionResult = (typeof admissionResults)[number];

/** What one process counts, from its start to its end. */
export interface Instruments {
  /** Every answer, by the path of its route as the table has it, and its status. */
  readonly httpRequests: Labelled<readonly [route: string, status: string], Counter>;
  /** Requests for a completion, also those that are refused. */
  readonly requestsStarted: Counter;
  readonly requestsEnded: Labelled<readonly [model: ModelLabel, status: EndedOutcome], Counter>;
  /** Requests that ended with an error, by its code. */
  readonly requestErrors: Labelled<readonly [model: ModelLabel, code: ErrorCode], Counter>;
  /** Milliseconds from the head of a request for a completion to the end of its answer. */
  readonly requestMs: Histogram;
  /** What usage records charge, counted while it is delivered. */
  readonly promptTokens: Labelled<readonly [model: ModelLabel], Counter>;
  readonly completionTokens: Labelled<readonly [model: ModelLabel], Counter>;
  readonly cachedTokens: Labelled<readonly [model: ModelLabel], Counter>;
  readonly reasoningTokens: Labelled<readonly [model: ModelLabel], Counter>;
  readonly spentMicroUsd: Labelled<readonly [model: ModelLabel], Counter>;
  /** Milliseconds from the start of a streamed run to its commit. */
  readonly ttftMs: Labelled<readonly [model: ModelLabel], Histogram>;
  /** Milliseconds between two writes of events to a client. */
  readonly gapMs: Histogram;
  /** Microseconds that this server adds to the first output of a streamed answer (`http/added-time.ts`). */
  readonly addedUs: Histogram;
  /** Microseconds that the ledger takes for an admission, as the request sees it. */
  readonly admissionUs: Histogram;
  readonly admissions: Labelled<readonly [result: AdmissionResult], Counter>;
  /** Readers that came back to a kept stream, or asked the same again, by the way that they took. */
  readonly resumes: Labelled<readonly [way: 'events' | 'post' | 'stream'], Counter>;
  /** Milliseconds by which the event loop is late. */
  readonly loopDelayMs: Histogram;
  /** Has every reading call `read` for what is kept elsewhere. Not undone: the instruments live as long as what they watch. */
  watch(read: () => Partial<Reading>): void;
  read(): Reading;
}

export type Labels = Readonly<Record<string, string>>;

/** One figure of a reading: what a counter has counted since the start of the process, or what a gauge shows now. */
export interface Figure {
  readonly name: FigureName;
  readonly labels: Labels;
  readonly value: number;
}

/** Values by their size, since the start of the process. */
export interface Distribution {
  readonly name: FigureName;
  readonly labels: Labels;
  /** The counts of the buckets, and the sum (`histogram.ts`). */
  readonly counts: Float64Array;
}

/** All that one process has counted until now. It can be sent to another process. */
export interface Reading {
  readonly figures: readonly Figure[];
  readonly histograms: readonly Distribution[];
}
