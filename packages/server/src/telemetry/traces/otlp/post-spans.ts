import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readRetryAfter } from '../../../domain/retry-after.ts';
import { thrownCode } from '../../../domain/thrown-code.ts';

/**
 * What became of one request to the collector. `refused`: the same request would be refused again. `away`: no answer, or one
 * that asks to come again. A reason holds a status or the code of an error, never the URL.
 */
export type PostOutcome =
  | { readonly type: 'taken'; readonly rejected: number; readonly reason: '' }
  | { readonly type: 'refused' | 'away'; readonly reason: string; readonly retryAfterMs?: number };

/** Sends one body. An abort ends it at once, as `away`. Never rejects. */
export type PostSpans = (body: string, signal: AbortSignal) => Promise<PostOutcome>;

export interface SpanPoster {
  readonly post: PostSpans;
  /** Destroys the connection. */
  close(): void;
}

export interface PosterOptions {
  /** With `/v1/traces`. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** For everything from the connection to the end of the answer, in milliseconds. Default 10,000. */
  readonly totalMs?: number;
}

const mostAnswerBytes = 64 * 1024;
const mostRetryAfterMs = 60_000;
/** The statuses after which OTLP/HTTP allows to send the same again. */
const again: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
const compress = promisify(gzip);

/** One connection to the collector, which stays open between batches but does not keep the process alive. */
export function createSpanPoster({ url, headers, totalMs = 10_000 }: PosterOptions): SpanPoster {
  const secure = url.protocol === 'https:';
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1, timeout: totalMs });
  const request = secure ? httpsRequest : httpRequest;

  async function post(body: string, signal: AbortSignal): Promise<PostOutcome> {
    const deadline = AbortSignal.timeout(totalMs);
    let sent: ClientRequest | undefined;
    const abort = () => sent?.destroy();
    try {
      const bytes = await compress(body);
      if (signal.aborted) return { type: 'away', reason: 'stopped' };
      const answered = Promise.withResolvers<PostOutcome>();
      sent = request(url, {
        method: 'POST',
        agent,
        headers: {
          'user-agent': 'tailrace',
          ...headers,
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'content-length': bytes.length,
        },
      });
      sent.on('response', (answer) => read(answer).then(answered.resolve, answered.reject));
      sent.on('error', answered.reject);
      deadline.addEventListener('abort', abort);
      signal.addEventListener('abort', abort);
      sent.end(bytes);
      return await answered.promise;
    } catch (error) {
      return {
        type: 'away',
        reason: deadline.aborted ? `no answer within ${totalMs} ms` : thrownCode(error),
      };
    } finally {
      deadline.removeEventListener('abort', abort);
      signal.removeEventListener('abort', abort);
    }
  }

  return { post, close: () => agent.destroy() };
}

async function read(answer: IncomingMessage): Promise<PostOutcome> {
  const status = answer.statusCode ?? 0;
  const text = await start(answer);
  if (status >= 200 && status < 300) return { type: 'taken', rejected: rejectedIn(text), reason: '' };
  // Redirects are not followed: the spans go where the operator has said.
  const reason = `status ${status}`;
  if (!again.has(status)) return { type: 'refused', reason };
  const askedMs = readRetryAfter(answer.headers['retry-after'], Date.now());
  // Bounded, so that a mistake of the collector does not stop the spans for a day.
  const retryAfterMs = askedMs === undefined ? undefined : Math.min(mostRetryAfterMs, askedMs);
  return { type: 'away', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** The beginning of the answer's body. More than that is not waited for. */
async function start(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    const bytes = chunk as Buffer;
    chunks.push(bytes);
    length += bytes.length;
    if (length > mostAnswerBytes) break;
  }
  return length > mostAnswerBytes ? '' : Buffer.concat(chunks).toString();
}

/** `partialSuccess.rejectedSpans`: a number of 64 bits, so a text. An answer in another form rejects nothing. */
function rejectedIn(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown } };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}
