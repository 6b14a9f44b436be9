import { randomId } from '../client/environment.ts';
import { sendKept } from '../client/send-kept.ts';
import { APIError } from '../errors/errors.ts';
import type { ChatStream, Reconnect, StreamPosition, StreamSource } from '../stream/contract.ts';
import { openChatStream } from '../stream/open-stream.ts';
import { stoppedBySignal } from '../stream/stopped-by-signal.ts';

/*
 * A `fetch` for clients that read streams by themselves, such as the AI SDK's. Behind it a stream is read by this package, which
 * picks a lost connection up; in front of it there is one answer that never breaks:
 *
 *     their client ◀── one body of server-sent events ◀── ChatStream ◀── connection 1, 2, … ◀── server
 *
 * What cannot be picked up ends in an error event, never in a polite end: their client then knows that the answer is not whole.
 */

/** As the global `fetch`. */
export type FetchFunction = typeof globalThis.fetch;

export interface HealingFetchOptions {
  /** What sends the requests. Default: the global `fetch`. */
  readonly fetch?: FetchFunction | undefined;
  /** Tries of a request whose connection failed before its head came, after the first. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Called before a lost connection is replaced. */
  readonly onReconnect?: ((reconnect: Reconnect) => void) | undefined;
}

/**
 * Makes a `fetch` whose streams of chat completions heal: requests for one (POST to `…/chat/completions` with `"stream": true`) are
 * sent with `Tailrace-Resumable` and an `Idempotency-Key`, and read to their end over as many connections as it takes. Other requests,
 * and answers that are no stream, pass as they are. The signal of a request, and the cancelled body of its answer, stop the
 * completion.
 */
export function createHealingFetch(options: HealingFetchOptions = {}): FetchFunction {
  // The global one is looked up at each request: test tools and frameworks replace it.
  const send: FetchFunction = options.fetch ?? ((input, init) => fetch(input, init));
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const choices = choicesOfStream(url, init);
    if (choices === undefined || input instanceof Request) return send(input, init);
    const { signal } = init;
    signal?.throwIfAborted();
    let plain: Response | undefined;
    const source = sourceOf(send, url, init, (response) => {
      plain = response;
    });
    const stream = openChatStream(source, {
      choices,
      ...(options.maxRetries === undefined ? {} : { maxRetries: options.maxRetries }),
      ...(options.onReconnect === undefined ? {} : { onReconnect: options.onReconnect }),
    });
    const leave = (): void => stream.abort();
    signal?.addEventListener('abort', leave);
    try {
      const { headers } = await stream.response;
      const kept = new Headers(headers);
      // Of the first connection's bytes.
      for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) kept.delete(name);
      return new Response(bodyOf(stream, signal ?? undefined), { headers: kept });
    } catch (error) {
      if (plain !== undefined) return plain;
      signal?.throwIfAborted();
      // Clients know what their `fetch` throws, not what this package does.
      throw error instanceof APIError && error.cause instanceof Error ? error.cause : error;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  };
}

/** How many choices a stream of chat completions is asked for; undefined where a request is not for one. */
function choicesOfStream(url: string, { method, body }: RequestInit): number | undefined {
  if (method?.toUpperCase() !== 'POST' || typeof body !== 'string') return undefined;
  if (!new URL(url).pathname.endsWith('/chat/completions')) return undefined;
  try {
    const { stream, n } = JSON.parse(body) as { stream?: unknown; n?: unknown };
    if (stream !== true) return undefined;
    return typeof n === 'number' && n > 0 ? n : 1;
  } catch {
    return undefined;
  }
}

/** `setPlain` gets an answer that is no stream: the caller has to have it as it came, with a body that can still be read. */
function sourceOf(
  send: FetchFunction,
  url: string,
  init: RequestInit,
  setPlain: (response: Response) => void,
): StreamSource {
  const headers = new Headers(init.headers);
  headers.set('tailrace-resumable', 'true');
  // A key of the caller's own is a wish of its own: it is never left out.
  const keptBy = headers.has('idempotency-key') ? [] : ['idempotency-key', 'tailrace-resumable'];
  if (keptBy.length > 0) headers.set('idempotency-key', randomId());
  const ofCompletion = (at: StreamPosition, what: string): string => {
    const address = new URL(url);
    address.pathname += `/${encodeURIComponent(at.completionId ?? '')}/${what}`;
    return address.href;
  };
  const without = (...names: string[]): Headers => {
    const kept = new Headers(init.headers);
    for (const name of names) kept.delete(name);
    return kept;
  };
  return {
    async open(signal) {
      // Of the request and of its body: the reader of streams aborts its own signal when it has done with an answer.
      const request = new AbortController();
      const abort = (): void => request.abort(signal.reason);
      signal.addEventListener('abort', abort);
      // The caller's signal holds none of the requests that follow it: it may live for long.
      const either = init.signal ? AbortSignal.any([request.signal, init.signal]) : request.signal;
      const all = { ...init, headers, signal: either };
      const response = await sendKept((one) => send(url, one), all, keptBy);
      const type = response.headers.get('content-type') ?? '';
      if (response.ok && type.startsWith('text/event-stream')) return response;
      signal.removeEventListener('abort', abort);
      setPlain(response);
      // The caller reads it, and decides by itself whether to ask again.
      const status = response.ok ? 502 : response.status;
      return new Response(null, { status, headers: { 'x-should-retry': 'false' } });
    },
    resume(at, signal) {
      const again = without('content-type', 'content-length');
      again.set('last-event-id', String(at.cursor));
      return send(ofCompletion(at, 'events'), { headers: again, signal });
    },
    async cancel(at) {
      if (at.completionId === undefined) return { id: undefined, status: 'unknown' };
      const again = without('content-type', 'content-length');
      const response = await send(ofCompletion(at, 'cancel'), { method: 'POST', headers: again });
      const { status = 'unknown' } = (await response.json().catch(() => ({}))) as { status?: string };
      return { id: at.completionId, status };
    },
  };
}

function bodyOf(stream: ChatStream, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const chunks = stream[Symbol.asyncIterator]();
  const { stop, end } = stoppedBySignal(stream, signal);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const write = (data: string): void => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        try {
          const { done, value } = await chunks.next();
          signal?.throwIfAborted();
          if (!done) return write(JSON.stringify(value));
          end();
          write('[DONE]');
          controller.close();
        } catch (error) {
          end();
          if (signal?.aborted) return controller.error(signal.reason);
          write(JSON.stringify({ error: eventOf(error) }));
          controller.close();
        }
      },
      cancel() {
        stop();
        end();
      },
    },
    { highWaterMark: 0 },
  );
}

/** What an error event says: what the server's said, where it has sent one. */
function eventOf(error: unknown): object {
  if (error instanceof APIError && error.error !== undefined) return error.error;
  return { message: error instanceof Error ? error.message : String(error), type: 'stream_error' };
}
