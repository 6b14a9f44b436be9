/**
 * The two things that happen when nothing happens: the head that is held back goes out after a while, and
 * an open stream says that it is alive.
 *
 *     start ──holdHeadMs──▶ onHeadDue        start / last event ──keepaliveAfterMs──▶ onSilence ─┐
 *                                                                          ▲─────────────────────┘
 * One timer for both keepalive and its repetition: an event only notes the time (a `Date.now()`), and the
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
  readonly onHeadDue: () => void;
  readonly onSilence: () => void;
  readonly now: () => number;
}

export function watchSilence(options: SilenceOptions): Silence {
  return new Watch(options);
}

class Watch implements Silence {
  private readonly options: SilenceOptions;
  /** Whole milliseconds, so that noting one makes no object. */
  private lastEventMs: number;
  private readonly head: NodeJS.Timeout;
  private keepalive: NodeJS.Timeout | undefined;

  constructor(options: SilenceOptions) {
    this.options = options;
    this.lastEventMs = Math.floor(options.now());
    this.head = setTimeout(options.onHeadDue, options.holdHeadMs);
    if (options.keepaliveAfterMs !== undefined) this.sleep(options.keepaliveAfterMs);
  }

  note(): void {
    this.lastEventMs = Math.floor(this.options.now());
  }

  close(): void {
    clearTimeout(this.head);
    clearTimeout(this.keepalive);
  }

  private sleep(ms: number): void {
    this.keepalive = setTimeout(() => this.onTimer(), Math.max(1, ms));
  }

  private onTimer(): void {
    const { keepaliveAfterMs, onSilence, now } = this.options;
    if (keepaliveAfterMs === undefined) return;
    const restMs = this.lastEventMs + keepaliveAfterMs - now();
    if (restMs > 0) {
      this.sleep(restMs);
      return;
    }
    onSilence();
    this.note();
    this.sleep(keepaliveAfterMs);
  }
}
