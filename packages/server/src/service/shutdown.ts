/** The requests to end this process: by signals, or by `askEnd` and `forceEnd`. */
export interface Shutdown {
  /** Aborted at the first request to end, for work that a start can stop. */
  readonly signal: AbortSignal;
  /** Resolves at the first request to end: SIGTERM, Ctrl-C, a closed terminal. */
  readonly asked: Promise<void>;
  /** Resolves when the process must end without waiting: at a second Ctrl-C, or when the parent process has ended. */
  readonly forced: Promise<void>;
  /** What has asked first, in words; empty before. */
  reason(): string;
  /** `why`: the reason. */
  askEnd(why: string): void;
  forceEnd(why: string): void;
}

export interface ShutdownOptions {
  /** Whether the process has a terminal: then SIGHUP means that it was closed. Without one SIGHUP requests a reload. */
  readonly terminal: boolean;
  onReload(): void;
}

/** Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process. */
export function listenForShutdown({ terminal, onReload }: ShutdownOptions): Shutdown {
  const asked = Promise.withResolvers<void>();
  const forced = Promise.withResolvers<void>();
  const controller = new AbortController();
  let reason = '';
  const askEnd = (why: string) => {
    if (reason === '') reason = why;
    controller.abort();
    asked.resolve();
  };
  const forceEnd = (why: string) => {
    askEnd(why);
    forced.resolve();
  };

  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts += 1;
    if (interrupts > 1) forceEnd('SIGINT');
    else askEnd('SIGINT');
  });
  process.on('SIGTERM', () => askEnd('SIGTERM'));
  process.on('SIGHUP', terminal ? () => askEnd('SIGHUP: its terminal was closed') : onReload);
  // An error of a closed terminal or a full disk must not end a server whose streams still run.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  return {
    signal: controller.signal,
    asked: asked.promise,
    forced: forced.promise,
    reason: () => reason,
    askEnd,
    forceEnd,
  };
}
