/** How a serving process is asked to end, and when it has. */
export interface Shutdown {
  /** Aborted by the first request to end: start-up work stops there. */
  readonly signal: AbortSignal;
  /** Resolves at the first request to end: SIGTERM, Ctrl-C, a closed terminal. */
  readonly asked: Promise<void>;
  /** Resolves when there shall be no more waiting: a second Ctrl-C, or the parent gone. */
  readonly forced: Promise<void>;
  askEnd(): void;
  forceEnd(): void;
}

export interface ShutdownOptions {
  /** With a terminal SIGHUP says that it was closed; without one it asks for a reload. */
  readonly terminal: boolean;
  onReload(): void;
}

export function listenForShutdown({ terminal, onReload }: ShutdownOptions): Shutdown {
  const asked = Promise.withResolvers<void>();
  const forced = Promise.withResolvers<void>();
  const controller = new AbortController();
  const askEnd = () => {
    controller.abort();
    asked.resolve();
  };
  const forceEnd = () => {
    askEnd();
    forced.resolve();
  };

  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts += 1;
    if (interrupts > 1) forceEnd();
    else askEnd();
  });
  process.on('SIGTERM', askEnd);
  process.on('SIGHUP', terminal ? askEnd : onReload);
  // A closed terminal or a full log device must not end a server that has streams to finish.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  return { signal: controller.signal, asked: asked.promise, forced: forced.promise, askEnd, forceEnd };
}
