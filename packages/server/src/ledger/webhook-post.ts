import { Agent, request } from 'undici';
import { thrownCode } from '../domain/thrown-code.ts';
import { signedHeaders, webhookKey } from './webhook-signature.ts';

/** One event for the receiver. `atMs` is the time of this try, in Unix milliseconds: the signature holds it. */
export interface WebhookPost {
  readonly id: string;
  /** JSON of a CloudEvent. */
  readonly body: string;
  readonly atMs: number;
}

export type PostOutcome =
  | { readonly type: 'taken' }
  /** `refused`: an answer that a repetition hardly changes. `away`: no answer, or one that says to try again. */
  | { readonly type: 'refused' | 'away'; readonly reason: string; readonly retryAfterMs?: number };

/** Sends one event. Never rejects. */
export type PostEvent = (post: WebhookPost, signal: AbortSignal) => Promise<PostOutcome>;

export interface WebhookPoster {
  readonly post: PostEvent;
  close(): Promise<void>;
}

/** For everything from the connection to the end of the answer. */
const totalMs = 10_000;
/** What of an answer's body is read, so that its connection can be used again. */
const bodyBytes = 64 * 1024;

/** Opens the connection to the receiver of the events. The owner closes it. */
export function createWebhookPoster({
  url,
  secret,
}: {
  readonly url: string;
  readonly secret: string;
}): WebhookPoster {
  const key = webhookKey(secret);
  const agent = new Agent({ connections: 1, pipelining: 1, connect: { timeout: totalMs }, allowH2: false });

  async function post(one: WebhookPost, signal: AbortSignal): Promise<PostOutcome> {
    const deadline = AbortSignal.timeout(totalMs);
    try {
      // Without a redirect: the receiver of signed records is the one that the operator has named.
      const { statusCode, headers, body } = await request(url, {
        method: 'POST',
        dispatcher: agent,
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          'content-type': 'application/cloudevents+json; charset=utf-8',
          'user-agent': 'tailrace',
          ...signedHeaders(key, one),
        },
        body: one.body,
      });
      const retryAfterMs = retryAfter(headers['retry-after']);
      // The status has decided; a body that breaks off or never ends changes nothing.
      await body.dump({ limit: bodyBytes }).catch(() => {});
      return outcomeOf(statusCode, retryAfterMs);
    } catch (error) {
      return {
        type: 'away',
        reason: deadline.aborted ? `no answer within ${totalMs} ms` : thrownCode(error),
      };
    }
  }

  return { post, close: () => agent.destroy() };
}

function outcomeOf(status: number, retryAfterMs: number | undefined): PostOutcome {
  if (status >= 200 && status < 300) return { type: 'taken' };
  const away = status >= 500 || status === 408 || status === 425 || status === 429;
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return {
    type: away ? 'away' : 'refused',
    reason: `status ${status}${redirect}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Only the form in seconds. */
function retryAfter(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) * 1_000 : undefined;
}
