import type { FetchFunction } from './healing-fetch.ts';

/** What a client under test has sent. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal | null | undefined;
}

export interface FakeStreamServer {
  readonly fetch: FetchFunction;
  readonly sent: SentRequest[];
}

/** A server whose answer to the n-th request is the n-th of these; the last one answers all that follow. */
export function fakeStreamServer(
  ...answers: readonly ((request: SentRequest) => Response | Promise<Response>)[]
): FakeStreamServer {
  const sent: SentRequest[] = [];
  return {
    sent,
    async fetch(input, { method = 'GET', headers, body, signal } = {}) {
      const request = {
        method,
        path: new URL(String(input)).pathname,
        headers: new Headers(headers),
        body: typeof body === 'string' ? JSON.parse(body) : undefined,
        signal,
      };
      sent.push(request);
      const answer = answers[Math.min(sent.length, answers.length) - 1];
      if (answer === undefined) throw new Error('no answer');
      return answer(request);
    },
  };
}

export const streamHead = { 'content-type': 'text/event-stream', 'x-request-id': 'req_1' };
const keptHead = { ...streamHead, 'tailrace-completion-id': 'chatcmpl-1' };

export interface Cut {
  /** Bytes after which the connection breaks. Default: none, the body ends. */
  readonly cutAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer with this body. */
export function answerOf(body: string, { cutAfter, headers = streamHead }: Cut = {}): Response {
  const bytes = new TextEncoder().encode(body);
  let given = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!given && bytes.length > 0 && cutAfter !== 0) controller.enqueue(bytes.subarray(0, cutAfter));
      if (given || cutAfter === undefined) {
        if (cutAfter === undefined) controller.close();
        else controller.error(new TypeError('terminated'));
      }
      given = true;
    },
  });
  return new Response(stream, { headers });
}

/** A kept stream of these payloads: the answer with all of them or up to a cut, and after it the rest by number. */
export function keptStream(payloads: readonly string[], cutAfter: number): FakeStreamServer {
  const bodyAfter = (number: number): string =>
    payloads
      .map((data, index) => ({ data, id: index + 1 }))
      .filter(({ id }) => id > number)
      .map(({ data, id }) => `id: ${id}\ndata: ${data}\n\n`)
      .join('');
  return fakeStreamServer(
    () => answerOf(bodyAfter(0), { cutAfter, headers: keptHead }),
    ({ headers }) => {
      const body = bodyAfter(Number(headers.get('last-event-id')));
      return body === '' ? new Response(null, { status: 204 }) : answerOf(body, { headers: keptHead });
    },
  );
}
