import { APIConnectionTimeoutError } from '../errors/errors.ts';

/** One HTTP answer of a stream, from its request to its last byte. */
export interface Connection {
  /** Its head, once it came. */
  readonly response: Response | undefined;
  /** Sends the request; rejects where it fails, where it takes longer than `timeoutMs`, and where it is closed. */
  open(timeoutMs: number): Promise<Response>;
  /**
   * The next bytes of the body, undefined at its end. `deadline` says at which time (`now`) the wait ends; it is asked again when that
   * time has come, because other deadlines may have moved it.
   */
  read(deadline: () => Deadline): Promise<Uint8Array | undefined>;
  /** The stream is whole: the connection is free for the next request once the body has ended, which is awaited for a second. */
  finish(): void;
  /** Gives the connection back, in whatever state it is. */
  close(reason?: unknown): void;
}

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

  function close(reason: unknown = new Error('closed')): void {
    interrupt?.(reason);
    controller.abort(reason);
    // It rejects where the body has failed already.
    if (body !== undefined) body.cancel(reason).catch(ignore);
    else if (response?.body && !response.bodyUsed && !response.body.locked)
      response.body.cancel(reason).catch(ignore);
  }

  function within<Value>(work: Promise<Value>, deadline: () => Deadline): Promise<Value> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        interrupt = undefined;
      };
      interrupt = (reason) => {
        settle();
        reject(reason);
      };
      const watch = (): void => {
        const { at, message } = deadline();
        const left = at - now();
        if (left <= 0) close(new APIConnectionTimeoutError({ message }));
        else if (left < Number.POSITIVE_INFINITY)
          timer = setTimeout(watch, Math.min(left + 1, longestTimerMs));
      };
      watch();
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error) => {
          settle();
          reject(error);
        },
      );
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
    async read(deadline) {
      body ??= response?.body?.getReader();
      if (body === undefined) return undefined;
      const { value, done } = await within(body.read(), deadline);
      return done ? undefined : value;
    },
    finish() {
      if (body === undefined) return close();
      const timer = setTimeout(close, 1_000);
      body.read().then(({ done }) => {
        clearTimeout(timer);
        if (!done) close();
      }, close);
    },
    close,
  };
}

function ignore(): void {}
