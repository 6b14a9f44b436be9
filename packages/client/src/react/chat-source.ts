import type { ChatStream } from '../stream/contract.ts';
import { openChatStream } from '../stream/open-stream.ts';
import type { ChatCompletionCreateParamsStreaming } from '../types/chat.ts';
import type { ChatSource } from './chat-store.ts';
import { browserPage } from './page.ts';
import { addressSource, type GivenHeaders, routeSource } from './route-source.ts';

/** What is used of a `Tailrace`. */
export interface ChatClient {
  readonly chat: {
    readonly completions: {
      stream(
        params: Omit<ChatCompletionCreateParamsStreaming, 'stream'>,
        options: { readonly idempotencyKey: string },
      ): ChatStream;
    };
  };
}

/** Who is asked for answers. */
export interface ChatRoute {
  /** The route of the app that asks Tailrace, for instance one of `tailrace/next`. Default `/api/chat`. */
  readonly api?: string | undefined;
  /** Asks a Tailrace without a route of an app. Its key is in the page then: for tools of your own, not for visitors. */
  readonly client?: ChatClient | undefined;
  /** Members of the request beside `messages`; with `client` those of a chat completion, such as `model` (default `default`). */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** Headers of every request to the route; a function is called for each request. */
  readonly headers?: GivenHeaders | (() => GivenHeaders | Promise<GivenHeaders>) | undefined;
  /** Default: the browser's. */
  readonly fetch?: typeof fetch | undefined;
}

export function chatSource({
  api = '/api/chat',
  client,
  headers,
  fetch,
}: ChatRoute): Pick<ChatSource, 'ask' | 'readAt'> {
  const deps = {
    page: browserPage,
    fetch: fetch ?? globalThis.fetch,
    headers: () => (typeof headers === 'function' ? headers() : (headers ?? {})),
  };
  return {
    ask({ body, idempotencyKey }) {
      if (client === undefined) return openChatStream(routeSource(deps, api, { body, idempotencyKey }));
      return client.chat.completions.stream({ model: 'default', ...JSON.parse(body) }, { idempotencyKey });
    },
    // The answer is read anew: see decision 38.
    readAt: (streamUrl) =>
      openChatStream(addressSource(deps, streamUrl), {
        resumeAt: { cursor: 0, completionId: undefined, streamUrl },
      }),
  };
}
