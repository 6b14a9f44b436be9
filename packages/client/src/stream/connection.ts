import { APIConnectionTimeoutError } from '../errors/errors.ts';

/** One HTTP answer of a stream, from its request to its last byte. */
export interface Connection {
  /** Its head, once it came. */
  readonly response: Response | undefined;
  /** Sends the request; rejects where it fails, where it takes longer than `timeoutMs`, and where it is closed. */
  open(timeoutMs: number): Promise<Response>;
  /**
   * The next bytes of the body, or its end. `deadline` says at which time (`now`) the wait ends; it is asked again when that
   * time has come, because other deadlines may have moved it.
   */
  read(deadline: () => Deadline): Promise<ReadResult>;
  /** The stream is whole: the connection is free for the next request once the body has ended, which is awaited for a second. */
  finish(): void;
  /** Gives the connection back, in whatever state it is. */
  close(reason?: unknown): void;
}

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

export interface Deadline {
  readonly at: number;
  readonly message: string;
}

export const now = (): number => performance.now();

/** A wait of 0 has no end, as `Infinity`. */
export function endless(ms: number): number {
  return ms > 0 ? ms : Number.POSITIVE_INFINITY;
}

/** What the timers of browsers and Node can count. */
const longestTimerMs = 2 ** 31 - 1;

export function createConnection(send: (signal: AbortSignal) => Promise<Response>): Connection {
  const controller = new AbortController();
  let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let response: Response | undefined;
  /** Ends the wait of the moment; a fetch of the caller’s own, or a body, may not know the signal. */
  let interrupt: ((reason: unknown) => void) | undefined;

  /** One timer for all waits, set anew only where a wait ends earlier: an event costs no timer. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = 0;
  let deadlineOfWait: (() => Deadline) | undefined;

  function close(reason: unknown = new Error('closed')): void {
    clearTimeout(timer);
    interrupt?.(reason);
    controller.abort(reason);
    // It rejects where the body has failed already.
    if (body !== undefined) body.cancel(reason).catch(ignore);
    else if (response?.body && !response.bodyUsed && !response.body.locked)
      response.body.cancel(reason).catch(ignore);
  }

  function watch(): void {
    if (deadlineOfWait === undefined) return;
    const { at, message } = deadlineOfWait();
    const left = at - now();
    if (left <= 0) close(new APIConnectionTimeoutError({ message }));
    else if (left < Number.POSITIVE_INFINITY && (timer === undefined || at < timerAt)) {
      clearTimeout(timer);
      timerAt = at;
      timer = setTimeout(wake, Math.min(left + 1, longestTimerMs));
    }
  }

  function wake(): void {
    timer = undefined;
    watch();
  }

  function within<Value>(work: Promise<Value>, deadline: () => Deadline): Promise<Value> {
    return new Promise((resolve, reject) => {
      const fail = (reason: unknown): void => {
        interrupt = undefined;
        deadlineOfWait = undefined;
        reject(reason);
      };
      interrupt = fail;
      deadlineOfWait = deadline;
      watch();
      work.then((value) => {
        interrupt = undefined;
        deadlineOfWait = undefined;
        resolve(value);
      }, fail);
    });
  }

  return {
    get response() {
      return response;
    },
    async open(timeoutMs) {
      const at = now() + endless(timeoutMs);
      const deadline = { at, message: `No answer came within ${timeoutMs} ms.` };
      const sent = send(controller.signal);
      // A head that comes after the timeout is given back.
      sent.then((late) => {
        if (controller.signal.aborted) late.body?.cancel().catch(ignore);
      }, ignore);
      response = await within(sent, () => deadline);
      return response;
    },
    read(deadline) {
      body ??= response?.body?.getReader();
      return body === undefined ? Promise.resolve(nothing) : within(body.read(), deadline);
    },
    finish() {
      clearTimeout(timer);
      if (body === undefined) {
        close();
        return;
      }
      timer = setTimeout(close, 1_000);
      body.read().then(({ done }) => {
        clearTimeout(timer);
        if (!done) close();
      }, close);
    },
    close,
  };
}

const nothing: ReadResult = { done: true, value: undefined };

function ignore(): void {}
