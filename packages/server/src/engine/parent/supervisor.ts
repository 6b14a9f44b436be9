import type { Readable } from 'node:stream';
import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { Log } from '../../telemetry/log.ts';
import { causeText } from '../../telemetry/request-log.ts';
import { wordingWithoutContent } from '../../telemetry/wording.ts';
import { type FromChild, isFromChild, type LoadMessage, type ToChild } from '../between/protocol.ts';

/**
 * Keeps one child process alive.
 *
 *     stopped ──start──▶ loading ──ready──▶ up
 *        ▲                  ▲  └──exit──┐    │ exit, or silent while work is waiting
 *        │                  └──delay── down ◀┘
 *        └── first load failed, or stop
 *
 * After the first crashes it restarts at once; while children crash without having served a request, the delay grows.
 */
export interface Supervisor {
  /** Resolves when the child is ready. Fails, and stays stopped, when the child cannot load. To be called once. */
  start(signal: AbortSignal): Promise<Result<void>>;
  /** Sends a message; false, and nothing is sent, where the child is not up. */
  send(message: ToChild): boolean;
  state(): 'stopped' | 'loading' | 'up' | 'down';
  /** Milliseconds until the next start, while `down`; else 0. */
  retryInMs(): number;
  /** True while the last child that tried to load could not. */
  cannotLoad(): boolean;
  /** To be called for each completed request: resets the count of crashes. */
  served(): void;
  /** Kills the child; resolves when its process has ended. */
  stop(): Promise<void>;
}

/** The part of `ChildProcess` that is used here, so that tests can replace it. */
export interface Child {
  send(message: ToChild): boolean;
  kill(signal: 'SIGKILL'): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number | null, signal: string | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly stderr: Readable | null;
  readonly pid?: number | undefined;
}

export interface SupervisorOptions {
  fork(): Child;
  /** The first message to a new child. */
  load(): LoadMessage;
  /** Called with each message of the child except `log`. */
  onMessage(message: FromChild): void;
  /** Called when the child has died, before the next one is started. */
  onDown(): void;
  /** True while the child has open requests. */
  busy(): boolean;
  /** The file that the child is loading, where it is known. */
  loadingFile?(): string | undefined;
  readonly log: Log;
  /** True: the log has the child's output while it has requests. Default: false. */
  readonly logContent?: boolean;
  readonly hangMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/**
 * A child with open requests that sends nothing for so long is killed. A slice of a large model's prompt takes
 * seconds.
 */
const defaultHangMs = 120_000;
const crashesForgiven = 2;
const firstDelayMs = 1000;
const longestDelayMs = 30_000;
const linesKept = 5;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { log, hangMs = defaultHangMs, now = () => performance.now() } = options;
  let state: 'stopped' | 'loading' | 'up' | 'down' = 'stopped';
  let child: Child | undefined;
  let crashes = 0;
  let heardAt = 0;
  let retryAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let onFirst: ((outcome: Result<void>) => void) | undefined;
  let onGone: (() => void) | undefined;
  let lastLines: string[] = [];
  const wereUp = new WeakSet<Child>();
  let unloadable = false;

  function launch(): void {
    state = 'loading';
    heardAt = now();
    lastLines = [];
    const launched = options.fork();
    child = launched;
    launched.on('message', (message) => {
      if (child === launched && isFromChild(message)) hear(message);
    });
    launched.on('error', (error) => log.error('engine process', { error: error.message }));
    launched.on('exit', (code, signal) => {
      if (child === launched) gone(signal ?? `exit ${code}`);
    });
    launched.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const said of text.split('\n').filter((part) => part.trim() !== '')) {
        const line = shown(said, launched);
        lastLines = [...lastLines, line].slice(-linesKept);
        log.debug('engine', { line });
      }
    });
    log.debug('engine process started', { pid: launched.pid });
    launched.send(options.load());
  }

  /** The line for the log. Until the child is up its output contains nothing of a request. */
  function shown(line: string, by: Child | undefined): string {
    const mayRepeat = by !== undefined && wereUp.has(by);
    return mayRepeat && options.logContent !== true ? wordingWithoutContent(line) : line;
  }

  function hear(message: FromChild): void {
    heardAt = now();
    if (message.type === 'log') {
      log.debug('engine', { line: shown(message.message, child) });
      return;
    }
    if (message.type === 'unloadable') {
      refuse(message.failure);
      return;
    }
    if (message.type === 'ready') {
      state = 'up';
      if (child !== undefined) wereUp.add(child);
      unloadable = false;
      settleFirst(ok(undefined));
    }
    options.onMessage(message);
  }

  /** Handles a child that cannot load: at the first start this is the outcome, later it counts as a crash. */
  function refuse(reason: Failure): void {
    log[onFirst === undefined ? 'error' : 'debug']('engine cannot load', {
      reason: reason.message,
      detail: causeText(reason, true),
    });
    unloadable = true;
    settleFirst(fail(reason));
    child?.kill('SIGKILL');
  }

  function settleFirst(outcome: Result<void>): void {
    const settle = onFirst;
    onFirst = undefined;
    if (settle === undefined) return;
    if (!outcome.ok) state = 'stopped';
    settle(outcome);
  }

  function gone(reason: string): void {
    child = undefined;
    const detail = lastLines.join(' | ');
    if (onFirst !== undefined) {
      const file = options.loadingFile?.();
      const message = `The engine's process ended while it loaded ${file ?? 'its library'} (${reason}).`;
      settleFirst(fail(failure('internal_error', message, { detail })));
    }
    onGone?.();
    if (state === 'stopped') return;
    state = 'down';
    crashes++;
    const delayMs =
      crashes <= crashesForgiven
        ? 0
        : Math.min(firstDelayMs * 2 ** (crashes - crashesForgiven - 1), longestDelayMs);
    retryAt = now() + delayMs;
    log.warn('engine process ended', { reason, crashes, restart_in_ms: delayMs, last: detail });
    options.onDown();
    timer = setTimeout(launch, delayMs);
  }

  const watch = setInterval(
    () => {
      if (state !== 'up' || !options.busy()) heardAt = now();
      else if (now() - heardAt >= hangMs) {
        log.error('engine hangs', { silent_ms: Math.round(now() - heardAt) });
        heardAt = now();
        child?.kill('SIGKILL');
      }
    },
    Math.min(1000, hangMs),
  );
  watch.unref();

  async function stop(): Promise<void> {
    state = 'stopped';
    clearTimeout(timer);
    clearInterval(watch);
    settleFirst(fail(failure('internal_error', 'The engine was stopped while it loaded.')));
    const running = child;
    if (running === undefined) return;
    await new Promise<void>((resolve) => {
      onGone = resolve;
      if (!running.kill('SIGKILL')) resolve();
    });
  }

  return {
    start(signal) {
      return new Promise((resolve) => {
        const onAbort = (): void => void stop();
        onFirst = (outcome) => {
          signal.removeEventListener('abort', onAbort);
          resolve(outcome);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
        else launch();
      });
    },
    send(message) {
      if (state !== 'up' || child === undefined) return false;
      if (!options.busy()) heardAt = now();
      child.send(message);
      return true;
    },
    state: () => state,
    retryInMs: () => (state === 'down' ? Math.max(0, retryAt - now()) : 0),
    cannotLoad: () => unloadable,
    served() {
      crashes = 0;
    },
    stop,
  };
}
