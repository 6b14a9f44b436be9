/**
 * What happens while no event comes: the head that is held back leaves after a while, and an open stream shows that it is
 * alive.
 *
 *     start ──holdHeadMs──▶ headDue          start / last event ──keepaliveAfterMs──▶ silent ────┐
 *                                                                          ▲─────────────────────┘
 * The first keepalive and the later ones share one timer: an event only notes the time, and a timer that fires too early
 * is set again for the time that is left.
 */
export interface Silence {
  /** Called for each event that was sent. */
  note(): void;
  close(): void;
}

export interface SilenceOptions {
  readonly holdHeadMs: number;
  /** Undefined: no keepalives. */
  readonly keepaliveAfterMs: number | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface SilenceListener {
  headDue(): void;
  silent(): void;
}

export function watchSilence(options: SilenceOptions, listener: SilenceListener): Silence {
  return new SilenceWatch(options, listener);
}

class SilenceWatch implements Silence {
  private readonly keepaliveAfterMs: number | undefined;
  private readonly now: () => number;
  private readonly listener: SilenceListener;
  /** Whole milliseconds: V8 stores a fraction as an object of its own. */
  private lastEventMs: number;
  private readonly head: NodeJS.Timeout;
  private keepalive: NodeJS.Timeout | undefined;
  private closed = false;

  constructor({ holdHeadMs, keepaliveAfterMs, now }: SilenceOptions, listener: SilenceListener) {
    this.keepaliveAfterMs = keepaliveAfterMs;
    this.now = now;
    this.listener = listener;
    this.lastEventMs = Math.floor(now());
    this.head = setTimeout(() => listener.headDue(), holdHeadMs);
    if (keepaliveAfterMs !== undefined) this.sleep(keepaliveAfterMs);
  }

  note(): void {
    this.lastEventMs = Math.floor(this.now());
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.head);
    clearTimeout(this.keepalive);
  }

  private sleep(ms: number): void {
    this.keepalive = setTimeout(() => this.onTimer(), Math.max(1, ms));
  }

  private onTimer(): void {
    const { keepaliveAfterMs, listener } = this;
    if (keepaliveAfterMs === undefined) return;
    const restMs = this.lastEventMs + keepaliveAfterMs - this.now();
    if (restMs > 0) {
      this.sleep(restMs);
      return;
    }
    listener.silent();
    // The listener may have closed this watch, because the connection has ended.
    if (this.closed) return;
    this.note();
    this.sleep(keepaliveAfterMs);
  }
}
