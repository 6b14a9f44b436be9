import { APIError } from '../errors/errors.ts';
import type { StreamSource } from '../stream/contract.ts';
import type { AnswerRequest } from './chat-store.ts';
import type { ChatPage } from './page.ts';

/** What a `Headers` is made of. */
export type GivenHeaders = NonNullable<ConstructorParameters<typeof Headers>[0]>;

export interface RouteDeps {
  readonly page: Pick<ChatPage, 'online'>;
  readonly fetch: typeof fetch;
  /** Headers of every request: of the first one, and of those that read on and stop. */
  headers(): GivenHeaders | Promise<GivenHeaders>;
}

/**
 * An answer that a route of the app gives, such as one of `tailrace/next`. What its head calls `tailrace-stream-url` is the address to
 * read on and to stop. Without that header the answer ends with its connection.
 */
export function routeSource(deps: RouteDeps, api: string, request: AnswerRequest): StreamSource {
  return {
    ...addressSource(deps),
    async open(signal) {
      // The code that reads on is loaded while there is a network.
      loadDurable().catch(() => {});
      // A browser's `fetch` is no method of another object.
      const { fetch } = deps;
      const headers = new Headers(await deps.headers());
      headers.set('content-type', 'application/json');
      headers.set('tailrace-resumable', 'true');
      headers.set('idempotency-key', request.idempotencyKey);
      return await fetch(api, { method: 'POST', headers, body: request.body, signal });
    },
  };
}

const loadDurable = () => import('../stream/durable-events.ts');

/** Reads and stops an answer at its address: where that is given, from the first event on. */
export function addressSource(deps: RouteDeps, address?: string): StreamSource {
  const { page, fetch, headers } = deps;
  return {
    open: (signal) => read(address, 0, signal),
    resume: ({ streamUrl, cursor }, signal) => read(streamUrl, cursor, signal),
    async cancel({ streamUrl, completionId }) {
      const answer = await fetch(known(streamUrl), { method: 'DELETE', headers: await headers() });
      if (!answer.ok) throw APIError.generate(answer.status, undefined, undefined, answer.headers);
      return { id: completionId, status: 'unknown' };
    },
  };

  async function read(streamUrl: string | undefined, after: number, signal: AbortSignal): Promise<Response> {
    const { durableAddress, readDurable } = await loadDurable();
    const ask = async (offset: string): Promise<Response> => {
      // A try while the browser is offline is lost. The next one would come seconds after the network.
      await page.online(signal);
      return await fetch(durableAddress(known(streamUrl), offset), { headers: await headers(), signal });
    };
    return await readDurable(ask, after, signal);
  }
}

function known(streamUrl: string | undefined): string {
  if (streamUrl === undefined) throw new TypeError('The answer has no address.');
  return streamUrl;
}
