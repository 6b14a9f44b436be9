/**
 * The two things that happen when nothing happens: the head that is held back goes out after a while, and
 * an open stream says that it is alive.
 *
 *     start ──holdHeadMs──▶ headDue          start / last event ──keepaliveAfterMs──▶ silent ────┐
 *                                                                          ▲─────────────────────┘
 * One timer for both keepalive and its repetition: an event only notes the time, and the
 * timer, when it fires early, sleeps the rest.
 */
export interface Silence {
  /** An event went out. */
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
  return new Watch(options, listener);
}

class Watch implements Silence {
  private readonly keepaliveAfterMs: number | undefined;
  private readonly now: () => number;
  private readonly listener: SilenceListener;
  /** Whole milliseconds, so that noting one makes no object. */
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
    // It may have found that the connection is at its end.
    if (this.closed) return;
    this.note();
    this.sleep(keepaliveAfterMs);
  }
}
