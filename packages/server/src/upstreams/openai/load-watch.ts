/**
 * Reads the load that a server reports about itself. A call of `pressure()` starts the polling; 30 s without such a call end
 * it. Only routing calls it, for models with `balance: least_busy`: other upstreams are never polled.
 *
 *     asleep ──pressure()──▶ polling every 3 s ──30 s without pressure()──▶ asleep
 */
import { readAnswerBody } from '../../transport/read-answer-body.ts';
import type { Transport } from '../../transport/transport.ts';
import { gaugeTotal, waitingInHeader } from './load-text.ts';
import type { LoadSignal } from './preset.ts';

/** The load of one server. */
export interface LoadWatch {
  /** Requests there besides our own, by the last report; 0 where there is no report, or only an old one. */
  pressure(): number;
  /** True while the load is polled. Then requests may ask the server to send a load report with the answer. */
  readonly watching: boolean;
  /** Takes the report in a header of an answer (`endpoint-load-metrics`). */
  addReport(header: string): void;
  /** Ends the polling for good. */
  close(): void;
}

/** What a load watch needs. */
export interface LoadWatchOptions {
  readonly transport: Pick<Transport, 'get'>;
  readonly signal: LoadSignal;
  /** Our own running requests there: the reports count them too. */
  own(): number;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds between two polls. Default 3,000. */
  readonly everyMs?: number;
}

const maxMetricsBytes = 1024 * 1024;
const maxPollMs = 2_000;
/** For how many intervals a report counts. */
const reportIntervals = 3;
/** For how many intervals polling continues after a call of `pressure()`. */
const pollIntervals = 10;

interface Report {
  readonly atMs: number;
  readonly value: number;
}

/** Creates a watch that sends nothing until `pressure()` is called. A failed poll is ignored: an unknown load counts as 0. */
export function createLoadWatch({
  transport,
  signal,
  own,
  now,
  everyMs = 3_000,
}: LoadWatchOptions): LoadWatch {
  const stop = new AbortController();
  let calledMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let polling = false;
  let waiting: Report | undefined;
  /** Requests running there besides our own, at the time of the report. */
  let running: Report | undefined;

  const wanted = () => !stop.signal.aborted && now() - calledMs < everyMs * pollIntervals;
  const current = (report: Report | undefined) =>
    report !== undefined && now() - report.atMs <= everyMs * reportIntervals ? report.value : 0;

  async function poll(): Promise<void> {
    polling = true;
    try {
      const text = await read();
      if (text === undefined) return;
      const total = (gauge: string | undefined) =>
        gauge === undefined ? undefined : gaugeTotal(text, gauge);
      const [waits, runs] = [total(signal.waiting), total(signal.running)];
      const atMs = now();
      // The server counts our requests too. They are subtracted from its running requests first, and the remainder from its
      // waiting requests.
      const [ours, others] = [own(), runs ?? 0];
      if (runs !== undefined) running = { atMs, value: Math.max(0, others - ours) };
      if (waits !== undefined) waiting = { atMs, value: Math.max(0, waits - Math.max(0, ours - others)) };
    } finally {
      polling = false;
      if (wanted()) {
        timer = setTimeout(() => {
          if (wanted()) void poll();
        }, everyMs);
        timer.unref();
      }
    }
  }

  async function read(): Promise<string | undefined> {
    const deadline = new AbortController();
    const limit = setTimeout(() => deadline.abort(), maxPollMs);
    limit.unref();
    const either = AbortSignal.any([stop.signal, deadline.signal]);
    try {
      const answer = await transport.get({ path: signal.path, headers: {}, connectMs: maxPollMs }, either);
      if (!answer.ok) return undefined;
      const { bytes, short } = await readAnswerBody(answer.value.body, {
        maxBytes: maxMetricsBytes,
        maxMs: maxPollMs,
      });
      return answer.value.status === 200 && short === undefined ? new TextDecoder().decode(bytes) : undefined;
    } finally {
      clearTimeout(limit);
    }
  }

  return {
    pressure() {
      const asleep = !wanted();
      calledMs = now();
      if (asleep && !polling && wanted()) {
        clearTimeout(timer);
        void poll();
      }
      return current(waiting) + current(running);
    },
    get watching() {
      return wanted();
    },
    addReport(header) {
      const value = waitingInHeader(header);
      if (value !== undefined) waiting = { atMs: now(), value };
    },
    close() {
      stop.abort(retired);
      clearTimeout(timer);
    },
  };
}

/** Not Node's default, an error: its stack keeps the functions that have called, and with them a whole configuration. */
const retired = 'the upstream is retired';
