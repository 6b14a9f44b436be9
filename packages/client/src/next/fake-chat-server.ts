import type { Fetch } from '../client/options.ts';

/** What a handler under test has sent. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal | null | undefined;
}

export interface FakeChatServer {
  readonly fetch: Fetch;
  readonly sent: Sent[];
}

/** A server that gives one answer to every request, and notes them. */
export function fakeChatServer(answer: () => Response | Promise<Response>): FakeChatServer {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (url, { method = 'GET', headers, body, signal }) => {
      sent.push({
        url,
        method,
        headers: new Headers(headers),
        body: typeof body === 'string' ? JSON.parse(body) : undefined,
        signal,
      });
      return answer();
    },
  };
}
