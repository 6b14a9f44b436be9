/*
 * The one reader of a stream's bytes, below all forms in which its chunks are handed out. It keeps one promise: the chunks that it
 * delivers are those of the undisturbed stream, each once and in order, and the ending `whole` comes only where each choice has finished.
 *
 *     connect ──▶ read ──▶ whole
 *       ▲ │        │
 *       │ │        ├── lost, nothing delivered: the same request again, with its Idempotency-Key
 *       └─┼────────┴── lost, the events have numbers: resume after the last one
 *         ▼        └── else
 *      failed      truncated
 */
import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
} from '../errors/errors.ts';
import { errorOfResponse } from '../errors/from-answer.ts';
import { createEventDecoder, type EventDecoder } from '../sse/event-decoder.ts';
import type { ChatCompletionChunk } from '../types/chat.ts';
import { createAnswerProgress, saysSomething } from './answer-progress.ts';
import { type Connection, createConnection } from './connection.ts';
import type { StreamPosition, StreamSource } from './contract.ts';
import { type EventContent, eventOfAnswer, readEvent } from './read-event.ts';
import type { Consumer, Delivery, Ending, ReaderOptions, StreamReader } from './reader.ts';
import { isWorthRetry, longestWaitMs, retryDelayMs, wait } from './retry.ts';

/** From the last finish to `[DONE]`. */
const doneGraceMs = 5_000;
const defaultWaitMs = 600_000;
/** A false alarm costs one connection there, and a dead connection is found soon. Tailrace sends a comment every 10 s. */
const resumableIdleMs = 45_000;
/** How long `cancel()` waits for the head that has the completion's id; Tailrace holds heads for 8 s at most. */
const headForCancelMs = 10_000;

const lostMessage = 'The connection was lost before the answer was whole.';
const unfinishedMessage = 'The stream ended without a finish.';

export function createStreamReader(source: StreamSource, options: ReaderOptions = {}): StreamReader {
  const { maxRetries = 2, maxReconnects = 10, timeouts = {}, signal, resumeAt } = options;
  const controller = new AbortController();
  const consumers = new Set<Consumer>();
  const firstTokenMs = timeouts.firstTokenMs ?? defaultWaitMs;
  const progress = createAnswerProgress(options.choices ?? 1);
  /** Of the head: the server is a Tailrace. */
  let completionId = resumeAt?.completionId;
  let chunkId: string | undefined;
  let streamUrl = resumeAt?.streamUrl;
  /** Number of the last event that was read. */
  let cursor = resumeAt?.cursor ?? 0;
  let last: Delivery = { cursor };
  let hasDelivered = resumeAt !== undefined;
  /** False once an event without number has followed one with a number: the server keeps this stream no more. */
  let areNumbered = true;
  let requestId: string | undefined;
  let headers: Headers | undefined;
  let connection: Connection | undefined;
  let decoder: EventDecoder | undefined;
  /** Why there is no connection any more; undefined before the first one. */
  let loss: APIError | undefined;
  /** Tries since an event was delivered. */
  let attempt = 0;
  /** Milliseconds of waiting since the last chunk, or for the first one. */
  let waitedMs = 0;
  let ending: Ending | undefined;
  let opening: Promise<Response> | undefined;
  let pulling: Promise<void> | undefined;
  /** Undefined where the answer is an event stream. */
  let parts: Uint8Array<ArrayBuffer>[] | undefined;
  let hasOpened = false;
  let hasNews = false;

  const position = (): StreamPosition => ({ cursor, completionId, streamUrl });

  function canResume(): boolean {
    const isKept = streamUrl !== undefined || (completionId !== undefined && cursor > 0);
    return source.resume !== undefined && areNumbered && isKept;
  }

  function end(how: Ending): void {
    if (ending !== undefined) return;
    ending = how;
    if (how.type === 'whole') connection?.finish();
    else connection?.close();
    signal?.removeEventListener('abort', abortByCaller);
  }

  function abort(byCaller: boolean, cause: unknown): void {
    end({ type: 'aborted', error: new APIUserAbortError({ cause }), byCaller });
  }

  function abortByCaller(): void {
    abort(true, signal?.reason);
    controller.abort(signal?.reason);
  }

  /** The connection is lost: the next pull makes another one, unless the stream ends here. */
  function lose(cause: unknown, message = lostMessage): void {
    connection?.close();
    connection = undefined;
    loss = cause instanceof APIError ? cause : new APIConnectionError({ cause });
    const isEnough = progress.hasUsage || !canResume();
    if (progress.isFinished && isEnough) end({ type: 'whole' });
    else if (canResume() ? attempt >= maxReconnects : hasDelivered || attempt >= maxRetries) giveUp(message);
  }

  function giveUp(message: string): void {
    if (progress.isFinished) end({ type: 'whole' });
    else if (hasDelivered || message === unfinishedMessage) truncate(message);
    else if (loss !== undefined) end({ type: 'failed', error: loss });
  }

  /** Nothing of the stream is left. */
  function lastWord(): void {
    if (progress.hasFinishes) end({ type: 'whole' });
    else truncate(unfinishedMessage);
  }

  function truncate(message: string): void {
    end({ type: 'truncated', error: new APIConnectionError({ message, cause: loss }) });
  }

  /** The next connection is a new request. */
  function forget(): void {
    streamUrl = undefined;
    completionId = undefined;
    cursor = 0;
  }

  async function connect(): Promise<void> {
    const resumes = canResume();
    if (loss !== undefined && !(await pause(resumes, loss))) return;
    const opened = createConnection((toAbort) =>
      resumes && source.resume ? source.resume(position(), toAbort) : source.open(toAbort),
    );
    connection = opened;
    const limitMs = endless(timeouts.connectMs ?? defaultWaitMs);
    const from = performance.now();
    try {
      const response = await opened.open(limitMs);
      waitedMs += performance.now() - from;
      if (ending !== undefined) opened.close();
      else if (resumes && response.status === 204) lastWord();
      else if (response.ok) await takeHead(opened, response, resumes);
      else {
        const { status, headers: head } = response;
        const error = inTime(opened, errorOfResponse(response));
        refuse(await error.catch(() => APIError.generate(status, undefined, undefined, head)), resumes);
      }
    } catch (error) {
      if (ending === undefined) lose(error);
    }
  }

  /** Waits before another try: a broken connection is replaced at once, a server that is away is given time. False: no more tries. */
  async function pause(resumes: boolean, cause: APIError): Promise<boolean> {
    attempt += 1;
    const isFirst = resumes && attempt === 1 && cause.headers === undefined;
    const delayMs = isFirst
      ? Math.min(decoder?.retryMs ?? 0, longestWaitMs)
      : retryDelayMs(attempt, cause.headers);
    if (delayMs === undefined) {
      giveUp('The server asks for a wait of more than a minute.');
      return false;
    }
    if (resumes) {
      const reconnect = { attempt, delayMs, cursor, cause };
      // Apart: its mistake is reported as its own, and the stream heals.
      queueMicrotask(() => options.onReconnect?.(reconnect));
      for (const consumer of consumers) queueMicrotask(() => consumer(reconnect));
    }
    await wait(delayMs, controller.signal).catch(() => {});
    waitedMs = 0;
    return ending === undefined;
  }

  async function takeHead(opened: Connection, response: Response, resumes: boolean): Promise<void> {
    headers = response.headers;
    requestId = headers.get('x-request-id') ?? requestId;
    completionId = headers.get('tailrace-completion-id') ?? completionId;
    const url = headers.get('tailrace-stream-url');
    if (url) streamUrl = absolute(url, response.url);
    decoder = createEventDecoder(takeEvent);
    const type = headers.get('content-type') ?? '';
    if (options.isPlain && !type.includes('event-stream')) parts = [];
    if (parts !== undefined || !/json|html/.test(type)) return;
    // Some servers send the whole answer, whatever `stream` says. Pages come from what stands between.
    const json = async (): Promise<unknown> => response.json().catch(() => undefined);
    const whole = resumes ? undefined : eventOfAnswer(await inTime(opened, json()));
    if (whole === undefined)
      lose(new APIConnectionError({ message: `The answer is ${type}, no event stream.` }));
    else {
      takeEvent(whole, '', false, '');
      // Undefined where it was an error that is worth another try.
      if (connection !== undefined) lastWord();
    }
  }

  function refuse(error: APIError, resumes: boolean): void {
    if (ending !== undefined) return;
    requestId = error.requestID ?? requestId;
    if (isWorthRetry(error.status ?? 0, error.headers)) lose(error, error.message);
    else if (!resumes) end({ type: 'failed', error });
    else if (!hasDelivered && attempt <= maxRetries) {
      forget();
      lose(error);
    } else {
      loss = error;
      giveUp('The stream cannot be picked up again.');
    }
  }

  /** Something of an answer that takes its whole body: one that does not end is not waited for without end. */
  function inTime<Value>(opened: Connection, work: Promise<Value>): Promise<Value> {
    const limitMs = endless(timeouts.idleMs ?? defaultWaitMs);
    return opened.within(work, limitMs, `The body did not end within ${limitMs} ms.`);
  }

  async function read(opened: Connection): Promise<void> {
    const idleMs = endless(
      progress.isFinished
        ? doneGraceMs
        : (timeouts.idleMs ?? (canResume() ? resumableIdleMs : defaultWaitMs)),
    );
    const contentMs = endless(hasDelivered ? (timeouts.idleContentMs ?? 0) : firstTokenMs);
    const from = performance.now();
    const isIdleFirst = idleMs < contentMs - waitedMs;
    try {
      const { value: bytes } = await (isIdleFirst
        ? opened.read(idleMs, `Nothing came for ${idleMs} ms.`)
        : opened.read(contentMs - waitedMs, `No chunk came for ${contentMs} ms.`));
      waitedMs += performance.now() - from;
      if (bytes !== undefined && parts !== undefined) parts.push(bytes as Uint8Array<ArrayBuffer>);
      else if (bytes !== undefined) decoder?.push(bytes);
      else if (parts !== undefined) end({ type: 'whole' });
      else {
        // An event that the end has cut is read again where that is possible.
        if (!canResume()) decoder?.end();
        if (connection === opened)
          lose(new APIConnectionError({ message: 'The body ended.' }), unfinishedMessage);
      }
    } catch (error) {
      if (ending !== undefined || connection !== opened) return;
      if (!hasDelivered && !isIdleFirst && error instanceof APIConnectionTimeoutError)
        end({ type: 'failed', error });
      else lose(error);
    }
  }

  function takeEvent(data: string, id: string, hasId: boolean, name: string): void {
    // What follows the end, or a loss, in the same read.
    if (connection === undefined || ending !== undefined) return;
    const isKept = completionId !== undefined || streamUrl !== undefined;
    const number = hasId && isKept && /^\d+$/.test(id) ? Number(id) : 0;
    // A repeated event.
    if (number > 0 && number <= cursor) return;
    const isGap = number > cursor + 1;
    const contents = isGap ? [] : readEvent(data, name, headers);
    if (isGap || contents.includes('torn')) {
      lose(new APIConnectionError({ message: isGap ? 'Events are missing.' : 'An event is torn.' }));
      return;
    }
    if (number > 0) cursor = number;
    else if (cursor > 0) areNumbered = false;
    for (const content of contents) takeContent(content);
  }

  function takeContent(content: EventContent): void {
    if (ending !== undefined || connection === undefined) return;
    if (content === 'done') lastWord();
    else if (content instanceof APIError) fail(content);
    else if (content !== 'torn' && isAlone(content)) {
      progress.add(content);
      chunkId ??= content.id;
      hasDelivered = true;
      hasNews = true;
      attempt = 0;
      waitedMs = 0;
      const delivery = { chunk: content, cursor };
      last.next = delivery;
      last = delivery;
    }
  }

  /** Whether a chunk has the output of one choice where one was asked for. Some servers count from 1, or count the chunks. */
  function isAlone({ choices }: ChatCompletionChunk): boolean {
    if (options.choices !== 1) return true;
    if (choices.filter(saysSomething).length > 1) {
      fail(new APIError(undefined, undefined, 'Several choices came where one was asked for.'));
      return false;
    }
    for (const choice of choices) choice.index = 0;
    return true;
  }

  function fail(error: APIError): void {
    requestId = error.requestID ?? requestId;
    const isRetried = !hasDelivered && attempt < maxRetries && isWorthRetry(error.status ?? 0, undefined);
    if (!isRetried) end({ type: 'failed', error });
    else {
      // The server has forgotten a run that failed before output: the same request runs again.
      forget();
      lose(error);
    }
  }

  async function pullOnce(): Promise<void> {
    // Why there is no head is in the ending.
    if (!hasOpened) await open().catch(() => {});
    hasNews = false;
    while (!hasNews && ending === undefined) await (connection === undefined ? connect() : read(connection));
    pulling = undefined;
  }

  async function openFirst(): Promise<Response> {
    while (ending === undefined) {
      await connect();
      if (connection?.response?.ok) {
        hasOpened = true;
        return connection.response;
      }
    }
    throw ending.type === 'whole' ? loss : ending.error;
  }

  controller.signal.addEventListener('abort', () => abort(false, controller.signal.reason));
  if (signal?.aborted) abortByCaller();
  else signal?.addEventListener('abort', abortByCaller);

  function open(): Promise<Response> {
    opening ??= openFirst();
    opening.catch(() => {});
    return opening;
  }

  return {
    controller,
    consumers,
    get parts() {
      return parts ?? [];
    },
    get last() {
      return last;
    },
    get cursor() {
      return cursor;
    },
    get completionId() {
      return completionId ?? chunkId;
    },
    get streamUrl() {
      return streamUrl;
    },
    get headers() {
      return headers;
    },
    get requestId() {
      return requestId;
    },
    get ending() {
      return ending;
    },
    open,
    pull() {
      pulling ??= pullOnce();
      return pulling;
    },
    async cancel() {
      if (completionId === undefined && opening !== undefined && ending === undefined) {
        const enough = new AbortController();
        await Promise.race([opening.catch(() => {}), wait(headForCancelMs, enough.signal).catch(() => {})]);
        enough.abort();
      }
      const isKnown = completionId !== undefined || streamUrl !== undefined;
      const asked =
        isKnown && source.cancel !== undefined
          ? source.cancel(position())
          : { id: completionId, status: 'unknown' };
      // Its readers stop at once: the answer of the server may take longer, or never come.
      controller.abort();
      return asked;
    },
  };
}

/** A wait of 0 has no end, as `Infinity`. */
function endless(ms: number): number {
  return ms > 0 ? ms : Number.POSITIVE_INFINITY;
}

/** A route of an app names its addresses by their path. A response that was made by hand has no address of its own. */
function absolute(url: string, base: string): string {
  try {
    return new URL(url, base || undefined).href;
  } catch {
    return url;
  }
}
