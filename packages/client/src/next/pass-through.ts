import type { Fetch } from '../client/options.ts';
import { reasonOf } from '../client/reason-of.ts';
import { sendKept } from '../client/send-kept.ts';
import type { Tailrace } from '../client/tailrace.ts';
import { passedAnswerHeaders, passedRequestHeaders } from './passed-headers.ts';
import { keyRefused, noAnswerOfProtocol, refuse } from './refusal.ts';
import { warnDeveloper } from './warn-developer.ts';

/** The part of a `Tailrace` client that the handler uses. */
export type ChatServer = Pick<Tailrace, 'baseURL' | 'apiKey' | 'chat'>;

/** What is sent to the server. */
interface Sent {
  readonly url: string;
  /** With a body the server is asked with its key. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: Fetch | undefined;
}

/**
 * Sends a request of the page to the server, with the same method, and makes the page's answer of the server's. The body passes
 * unread. Where the page leaves, its signal or the cancelled body closes the connection to the server; what then becomes of the
 * completion, the server decides: a resumable one waits for its reader, another one stops.
 */
export async function passThrough(
  to: ChatServer,
  request: Request,
  { url, body, headers: extra = {}, fetch = globalThis.fetch }: Sent,
): Promise<Response> {
  const headers = passedRequestHeaders(request.headers);
  headers.set('accept-encoding', 'identity');
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
  if (body !== undefined) {
    headers.set('content-type', 'application/json');
    const key = typeof to.apiKey === 'function' ? await to.apiKey() : to.apiKey;
    if (key) headers.set('authorization', `Bearer ${key}`);
  }
  let answer: Response;
  try {
    const init = {
      method: request.method,
      headers,
      // A redirect would take the signature or the key to another host.
      redirect: 'manual' as const,
      signal: request.signal,
      ...(body === undefined ? {} : { body }),
    };
    // What is picked up was kept before: that cannot be asked for in another way.
    const isNew = body !== undefined && !headers.has('last-event-id');
    answer = await sendKept((all) => fetch(url, all), init, isNew ? keptBy : []);
  } catch (error) {
    if (request.signal.aborted) throw error;
    warnDeveloper(`${to.baseURL} cannot be reached: ${reasonOf(error)}`);
    // The reason names hosts; it belongs in the log of the app's own network.
    return refuse({ code: 'upstream_refused', message: 'The chat server cannot be reached.' });
  }
  return passAnswer(answer, new URL(request.url).searchParams, (shown) =>
    keyRefused(shown, to.baseURL, headers.has('authorization')),
  );
}

const keptBy = ['idempotency-key', 'tailrace-resumable'];

/** Types that the page gets. A page of HTML from the wrong address would run in the app's origin. */
const passedTypes = /^(application\/json|text\/event-stream)\b/i;

function passAnswer(
  answer: Response,
  query: URLSearchParams,
  refusedKey: (headers: Headers) => Response,
): Response {
  const { status } = answer;
  const headers = passedAnswerHeaders(answer.headers, query);
  const type = headers.get('content-type');
  const redirected = status < 200 || (status >= 300 && status < 400 && status !== 304);
  if (status === 401 || redirected || (type !== null && !passedTypes.test(type))) {
    answer.body?.cancel().catch(() => {});
    const requestId = headers.get('x-request-id');
    const shown = new Headers(requestId === null ? {} : { 'x-request-id': requestId });
    return status === 401 ? refusedKey(shown) : noAnswerOfProtocol(shown);
  }
  headers.set('x-content-type-options', 'nosniff');
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache, no-transform');
  return new Response(answer.body, { status, headers });
}
