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
  const { keepaliveAfterMs, now } = options;
  let lastEventMs = now();
  const head = setTimeout(options.onHeadDue, options.holdHeadMs);
  let keepalive: NodeJS.Timeout | undefined;

  const sleep = (ms: number) => {
    keepalive = setTimeout(onTimer, Math.max(1, ms));
  };
  const onTimer = () => {
    if (keepaliveAfterMs === undefined) return;
    const restMs = lastEventMs + keepaliveAfterMs - now();
    if (restMs > 0) return sleep(restMs);
    options.onSilence();
    lastEventMs = now();
    sleep(keepaliveAfterMs);
  };
  if (keepaliveAfterMs !== undefined) sleep(keepaliveAfterMs);

  return {
    note: () => {
      lastEventMs = now();
    },
    close: () => {
      clearTimeout(head);
      clearTimeout(keepalive);
    },
  };
}
