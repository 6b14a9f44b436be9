import { Histogram } from '../histogram.ts';
import { figuresOf, figuresOfMachine } from '../process-figures.ts';
import { delayOf, monotonicUs } from '../record.ts';
import type { LoadReport, LoadResult } from './load-job.ts';
import type { StreamListener } from './stream-checker.ts';

/** What is counted between `open()` and `close()`; outside of them, nothing is. */
export class Window {
  readonly gap = new Histogram();
  readonly delay = new Histogram();
  readonly first = new Histogram();
  isOpen = false;
  events = 0;
  ended = 0;
  offered = 0;
  skipped = 0;
  private readonly pids: readonly number[];
  private readonly upstreamPid: number;
  private readonly bytesSoFar: () => number;
  private before: Snapshot;

  constructor(pids: readonly number[], upstreamPid: number, bytesSoFar: () => number) {
    this.pids = pids;
    this.upstreamPid = upstreamPid;
    this.bytesSoFar = bytesSoFar;
    this.before = this.snapshot();
  }

  open(): void {
    this.before = this.snapshot();
    this.isOpen = true;
  }

  close(): LoadResult {
    this.isOpen = false;
    const { before } = this;
    const now = this.snapshot();
    return {
      seconds: (now.atUs - before.atUs) / 1e6,
      events: this.events,
      ended: this.ended,
      bytes: now.bytes - before.bytes,
      userUs: now.proxy.userUs - before.proxy.userUs,
      systemUs: now.proxy.systemUs - before.proxy.systemUs,
      residentKb: now.proxy.residentKb,
      peakKb: now.proxy.peakKb,
      loadUs: now.loadUs - before.loadUs,
      upstreamUs: now.upstreamUs - before.upstreamUs,
      machineUs: now.machine.busyUs - before.machine.busyUs,
      stolenUs: now.machine.stolenUs - before.machine.stolenUs,
      gap: this.gap.toJSON(),
      delay: this.delay.toJSON(),
      first: this.first.toJSON(),
      offered: this.offered,
      skipped: this.skipped,
    };
  }

  private snapshot(): Snapshot {
    const own = process.cpuUsage();
    const upstream = figuresOf([this.upstreamPid]);
    return {
      atUs: monotonicUs(),
      bytes: this.bytesSoFar(),
      proxy: figuresOf(this.pids),
      machine: figuresOfMachine(),
      loadUs: own.user + own.system,
      upstreamUs: upstream.userUs + upstream.systemUs,
    };
  }
}

interface Snapshot {
  readonly atUs: number;
  readonly bytes: number;
  readonly proxy: ReturnType<typeof figuresOf>;
  readonly machine: ReturnType<typeof figuresOfMachine>;
  readonly loadUs: number;
  readonly upstreamUs: number;
}

/** Counts the events of one answer at a time. */
export class AnswerClock implements StreamListener {
  private readonly window: Window;
  private readonly onWhole: () => void;
  private readonly onBroken: (reason: string) => void;
  private askedUs = 0;
  private lastDelayUs = Number.NaN;

  constructor(window: Window, onWhole: () => void, onBroken: (reason: string) => void) {
    this.window = window;
    this.onWhole = onWhole;
    this.onBroken = onBroken;
  }

  /** The request is sent, or was due, at this time. */
  begin(askedUs: number): void {
    this.askedUs = askedUs;
    this.lastDelayUs = Number.NaN;
  }

  record(writtenUs: number): void {
    const { window } = this;
    const nowUs = monotonicUs();
    const delayUs = delayOf(writtenUs, nowUs);
    if (window.isOpen) {
      window.events += 1;
      window.delay.record(delayUs);
      // A gap at the client less the gap at the upstream is the difference of the two delays.
      if (Number.isNaN(this.lastDelayUs)) window.first.record(nowUs - this.askedUs);
      else window.gap.record(delayUs - this.lastDelayUs);
    }
    this.lastDelayUs = delayUs;
  }

  whole(): void {
    if (this.window.isOpen) this.window.ended += 1;
    this.onWhole();
  }

  broken(reason: string): void {
    this.onBroken(reason);
  }
}

/**
 * Waits for the warm-up, then opens the window for the time of the job. Rejects as soon as `broken` does, because an answer was
 * not whole.
 */
export async function measureIn(
  window: Window,
  { warmUpMs, measuredMs }: { readonly warmUpMs: number; readonly measuredMs: number },
  broken: Promise<unknown>,
  report: (report: LoadReport) => void,
): Promise<LoadResult> {
  const wait = (ms: number): Promise<unknown> =>
    Promise.race([broken, new Promise((resolve) => setTimeout(resolve, ms))]);
  await wait(warmUpMs);
  report({ kind: 'window', is: 'open' });
  window.open();
  await wait(measuredMs);
  const result = window.close();
  report({ kind: 'window', is: 'closed' });
  return result;
}
