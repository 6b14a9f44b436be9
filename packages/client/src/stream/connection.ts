import { APIConnectionTimeoutError } from '../errors/errors.ts';

/** One HTTP answer of a stream, from its request to its last byte. A wait of `Infinity` has no end. */
export interface Connection {
  /** Its head, once it came. */
  readonly response: Response | undefined;
  /** Sends the request; rejects where it fails, where it takes longer than `limitMs`, and where it is closed. */
  open(limitMs: number): Promise<Response>;
  /** The next bytes of the body, or its end. Where `limitMs` pass before, it closes with a timeout of this message. */
  read(limitMs: number, message: string): Promise<ReadResult>;
  /** Waits as `read` does for something else of this answer, such as all of its body. */
  within<Value>(work: Promise<Value>, limitMs: number, message: string): Promise<Value>;
  /** The stream is whole: the connection is free for the next request once the body has ended, which is awaited for a second. */
  finish(): void;
  /** Gives the connection back, in whatever state it is. */
  close(reason?: unknown): void;
}

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/** What the timers of browsers and Node can count: 24 days. */
const longestTimerMs = 2 ** 31 - 1;

export function createConnection(send: (signal: AbortSignal) => Promise<Response>): Connection {
  const controller = new AbortController();
  let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let response: Response | undefined;
  /** Ends the wait of the moment; a fetch of the caller’s own, or a body, may not know the signal. */
  let interrupt: ((reason: unknown) => void) | undefined;

  /** The end of the wait of the moment. */
  let limit: { readonly at: number; readonly message: string } | undefined;
  /** One timer for all waits, set anew only where a wait ends earlier: a read costs no timer. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = 0;

  function close(reason: unknown = new Error('closed')): void {
    clearTimeout(timer);
    interrupt?.(reason);
    controller.abort(reason);
    // It rejects where the body has failed already, and where something else reads it.
    (body ?? response?.body)?.cancel(reason).catch(ignore);
  }

  function watch(): void {
    if (limit === undefined) return;
    const { at, message } = limit;
    const left = at - performance.now();
    if (left <= 0) close(new APIConnectionTimeoutError({ message }));
    else if (left < longestTimerMs && (timer === undefined || at < timerAt)) {
      clearTimeout(timer);
      timerAt = at;
      timer = setTimeout(() => {
        timer = undefined;
        watch();
      }, left + 1);
    }
  }

  function within<Value>(work: Promise<Value>, limitMs: number, message: string): Promise<Value> {
    return new Promise((resolve, reject) => {
      interrupt = reject;
      limit = { at: performance.now() + limitMs, message };
      watch();
      work.then((value) => {
        limit = undefined;
        resolve(value);
      }, reject);
    });
  }

  return {
    get response() {
      return response;
    },
    async open(limitMs) {
      const sent = send(controller.signal);
      // A head that comes after the timeout is given back.
      sent.then((late) => {
        if (controller.signal.aborted) late.body?.cancel().catch(ignore);
      }, ignore);
      response = await within(sent, limitMs, `No answer came within ${limitMs} ms.`);
      // A caller that takes the answer as it is may never read it: the timer would keep its process for the rest of the limit.
      clearTimeout(timer);
      timer = undefined;
      return response;
    },
    read(limitMs, message) {
      body ??= response?.body?.getReader();
      return body === undefined ? Promise.resolve(nothing) : within(body.read(), limitMs, message);
    },
    within,
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
