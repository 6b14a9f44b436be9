/**
 * How busy a server says it is, read while somebody wants to know. A call of `pressure()` is what starts the
 * polling, and polling ends by itself when nobody has called it for a while: only routing's `least_busy` does,
 * so an upstream that no such model uses is never polled.
 *
 *     asleep ──pressure()──▶ polling every 3 s ──30 s without pressure()──▶ asleep
 */
import { readAnswerBody } from '../../transport/read-answer-body.ts';
import type { Transport } from '../../transport/transport.ts';
import { gaugeTotal, waitingInHeader } from './load-text.ts';
import type { LoadSignal } from './preset.ts';

export interface LoadWatch {
  /** Requests there beyond our own, as last heard; 0 where nothing is known, or nothing fresh. */
  pressure(): number;
  /** Whether somebody wants to know at present: then answers are asked to tell too. */
  readonly watching: boolean;
  /** What an answer's header said (`endpoint-load-metrics`). */
  heard(header: string): void;
  /** Ends the polling for good. */
  close(): void;
}

export interface LoadWatchOptions {
  readonly transport: Pick<Transport, 'get'>;
  readonly signal: LoadSignal;
  /** Our own requests there at present: the server counts them too. */
  own(): number;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Milliseconds between two polls. Default 3,000. */
  readonly everyMs?: number;
}

const maxMetricsBytes = 1024 * 1024;
const maxPollMs = 2_000;
/** So many intervals an answer is believed, and polling goes on unasked. */
const freshFor = 3;
const wantedFor = 10;

interface Heard {
  readonly atMs: number;
  readonly value: number;
}

/** Opens nothing until `pressure()` is called. Failures of a poll are ignored: what is not known counts as 0. */
export function createLoadWatch({
  transport,
  signal,
  own,
  now,
  everyMs = 3_000,
}: LoadWatchOptions): LoadWatch {
  const stop = new AbortController();
  let askedMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let polling = false;
  let waiting: Heard | undefined;
  /** Running there beyond our own when it was read. */
  let running: Heard | undefined;

  const wanted = () => !stop.signal.aborted && now() - askedMs < everyMs * wantedFor;
  const fresh = (heard: Heard | undefined) =>
    heard !== undefined && now() - heard.atMs <= everyMs * freshFor ? heard.value : 0;

  async function poll(): Promise<void> {
    polling = true;
    try {
      const text = await read();
      if (text === undefined) return;
      const total = (gauge: string | undefined) =>
        gauge === undefined ? undefined : gaugeTotal(text, gauge);
      const [waits, runs] = [total(signal.waiting), total(signal.running)];
      const atMs = now();
      // Ours are among those that run, or, where they do not fit, among those that wait.
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
      askedMs = now();
      if (asleep && !polling && wanted()) {
        clearTimeout(timer);
        void poll();
      }
      return fresh(waiting) + fresh(running);
    },
    get watching() {
      return wanted();
    },
    heard(header) {
      const value = waitingInHeader(header);
      if (value !== undefined) waiting = { atMs: now(), value };
    },
    close() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}
