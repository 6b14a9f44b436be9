import type { Histogram } from '../telemetry/contract.ts';

/**
 * The time that this server adds to the first output of one streamed answer, in two parts: the targets, and what they take, lie
 * between them.
 *
 *     request has arrived ──▶ source opened … target … commit ──▶ first event is written
 *                        (1)                               (2)
 */
export class AddedTime {
  private readonly histogram: Histogram;
  private readonly now: () => number;
  private beforeMs = 0;
  private committedMs = 0;

  /** `now`: monotonic milliseconds. */
  constructor(histogram: Histogram, now: () => number) {
    this.histogram = histogram;
    this.now = now;
  }

  /** The source is opened. `arrivedMs`: when the request had arrived as a whole. */
  opened(arrivedMs: number): void {
    this.beforeMs = this.now() - arrivedMs;
  }

  /** A target has committed. */
  committed(): void {
    this.committedMs = this.now();
  }

  /** The first event is about to be written. */
  written(): void {
    if (this.committedMs === 0) return;
    this.histogram.note(Math.round((this.beforeMs + this.now() - this.committedMs) * 1_000));
  }
}
