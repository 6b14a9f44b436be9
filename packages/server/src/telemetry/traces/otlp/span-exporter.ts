import type { Log } from '../../log.ts';
import type { PostOutcome, PostSpans } from './post-spans.ts';

/*
 * Spans on their way to the collector. A request only adds a text to a list; everything else happens between requests, and
 * nothing of it can hold a request or the end of the process up. What the collector does not take is lost, and counted.
 *
 *     add ──▶ waiting (bounded) ──1 s, or 512 spans──▶ batch ──post──▶ taken
 *              └ full: dropped                          ├ away: the same batch again, later, for a minute
 *                                                       └ refused: dropped
 */

export interface ExporterParts {
  readonly post: PostSpans;
  /** Puts spans, each as JSON, into the body of one request. */
  bodyOf(spans: readonly string[]): string;
  readonly log: Pick<Log, 'warn' | 'info'>;
  /** Monotonic milliseconds. */
  now(): number;
  /** 0 ≤ x < 1. */
  random(): number;
  /** Calls once after some milliseconds; returns what ends the wait. It must not keep the process alive. */
  after(ms: number, work: () => void): () => void;
  readonly limits?: Partial<ExporterLimits>;
}

/** The bounds of an exporter. */
export interface ExporterLimits {
  /** Spans that wait. Default 8,192. */
  readonly spans: number;
  /** Their UTF-16 units. Default 8 Mi: one byte each, as spans are mostly ASCII. */
  readonly units: number;
  /** Spans of one request. Default 512. */
  readonly batch: number;
  /** How long a span waits for others, in milliseconds. Default 1,000. */
  readonly lateMs: number;
  /** How long one batch is tried, in milliseconds. Default 60,000. */
  readonly tryMs: number;
}

const defaults: ExporterLimits = {
  spans: 8_192,
  units: 8 * 1024 ** 2,
  batch: 512,
  lateMs: 1_000,
  tryMs: 60_000,
};

const firstBackoffMs = 500;
const mostBackoffMs = 30_000;

export interface SpanExporter {
  /** Takes one span as JSON; does not wait. */
  add(spanJson: string): void;
  /** Spans that the collector has not got, and never will. */
  readonly dropped: number;
  /** Spans that wait, without those of the batch that is being sent. */
  readonly waiting: number;
  /** Sends what waits, for at most `withinMs`. What is left then is dropped. Never rejects. */
  close(withinMs: number): Promise<void>;
}

export function createSpanExporter(parts: ExporterParts): SpanExporter {
  return new BatchingExporter(parts);
}

class BatchingExporter implements SpanExporter {
  dropped = 0;
  private readonly parts: ExporterParts;
  private readonly limits: ExporterLimits;
  private queue: string[] = [];
  private units = 0;
  private sending: Promise<void> | undefined;
  private endWait: (() => void) | undefined;
  private readonly aborter = new AbortController();
  private closing = false;
  /** Whether the log knows that spans are being lost or held up. */
  private troubled = false;
  private droppedBefore = 0;
  /** The collector has asked to be left alone until then: no batch is sent, whatever became of the one that it refused. */
  private pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ExporterParts) {
    this.parts = parts;
    this.limits = { ...defaults, ...parts.limits };
  }

  get waiting(): number {
    return this.queue.length;
  }

  add(spanJson: string): void {
    const { spans, units, batch, lateMs } = this.limits;
    if (this.closing || this.queue.length >= spans || this.units + spanJson.length > units) {
      this.drop(1);
      if (!this.closing) this.trouble('more spans are made than it takes');
      return;
    }
    this.queue.push(spanJson);
    this.units += spanJson.length;
    if (this.sending !== undefined) return;
    if (this.queue.length >= batch && !this.isPaused()) this.send();
    else this.endWait ??= this.parts.after(lateMs, () => this.send());
  }

  async close(withinMs: number): Promise<void> {
    this.closing = true;
    const endLimit = this.parts.after(withinMs, () => this.aborter.abort());
    // A wait between two tries is over: each batch gets its last try now.
    this.endWait?.();
    this.wake?.();
    if (this.sending === undefined) this.send();
    await this.sending;
    endLimit();
    this.drop(this.queue.length);
    this.queue = [];
    this.units = 0;
    const lost = this.dropped - this.droppedBefore;
    if (lost > 0) this.parts.log.warn('spans of the last requests were lost', { spans: lost });
  }

  private send(): void {
    this.endWait?.();
    this.endWait = undefined;
    if (this.isPaused()) {
      this.endWait = this.parts.after(this.pausedUntilMs - this.parts.now(), () => this.send());
      return;
    }
    this.sending ??= this.sendAll().finally(() => {
      this.sending = undefined;
      // One that came while the last batch was being sent.
      if (this.queue.length > 0 && !this.closing)
        this.endWait ??= this.parts.after(this.limits.lateMs, () => this.send());
    });
  }

  /** Never rejects. Sends whole batches at once; the rest waits for others, except at the end. */
  private async sendAll(): Promise<void> {
    do {
      const spans = this.queue.splice(0, this.limits.batch);
      for (const span of spans) this.units -= span.length;
      if (spans.length > 0) await this.deliver(spans);
    } while (
      (this.queue.length >= this.limits.batch || (this.closing && this.queue.length > 0)) &&
      !this.isPaused() &&
      !this.aborter.signal.aborted
    );
  }

  /** At the end each batch gets its last try all the same. */
  private isPaused(): boolean {
    return !this.closing && this.parts.now() < this.pausedUntilMs;
  }

  private async deliver(spans: readonly string[]): Promise<void> {
    const { post, bodyOf, now, random } = this.parts;
    const startedMs = now();
    let backoffMs = firstBackoffMs;
    const body = bodyOf(spans);
    for (;;) {
      const outcome = await post(body, this.aborter.signal);
      if (outcome.type === 'taken') {
        if (outcome.rejected > 0) {
          this.drop(outcome.rejected);
          this.trouble('it has rejected some of them');
        } else this.recovered();
        return;
      }
      this.trouble(outcome.reason);
      if (outcome.retryAfterMs !== undefined) this.pausedUntilMs = now() + outcome.retryAfterMs;
      const waitMs = outcome.retryAfterMs ?? backoffMs * (0.5 + random() / 2);
      const over = this.closing || now() - startedMs + waitMs > this.limits.tryMs;
      if (outcome.type === 'refused' || over) {
        this.drop(spans.length);
        return;
      }
      await this.wait(Math.min(waitMs, this.limits.tryMs));
      backoffMs = Math.min(mostBackoffMs, backoffMs * 2);
    }
  }

  private wake: (() => void) | undefined;

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = this.parts.after(ms, resolve);
      this.wake = () => {
        end();
        resolve();
      };
      if (this.closing) this.wake();
    });
  }

  private drop(spans: number): void {
    this.dropped += spans;
  }

  /** One line for each time of trouble, however long it lasts. */
  private trouble(reason: PostOutcome['reason']): void {
    if (this.troubled) return;
    this.troubled = true;
    this.parts.log.warn('the collector does not take the spans of traces; requests go on without it', {
      reason,
    });
  }

  private recovered(): void {
    const lost = this.dropped - this.droppedBefore;
    this.droppedBefore = this.dropped;
    if (!this.troubled) return;
    this.troubled = false;
    this.parts.log.info('the collector takes spans again', { lost });
  }
}
