import { failureOf, isObject, type PageFailure, unreachable } from './failure.ts';

export interface ServedModel {
  readonly id: string;
  /** Tokens; undefined where the server does not know. */
  readonly contextLength: number | undefined;
}

export type Asked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: PageFailure; readonly status?: number };

/**
 * Requests to the server that has served this page. Without a key a request carries the session cookie, where there is one; a server
 * without authentication asks for neither.
 */
export interface Connection {
  /** Resolves with an answer of 2xx; every other one is a failure. Rejects only when the signal has aborted it. */
  ask(path: string, init?: RequestInit): Promise<Asked<Response>>;
  models(): Promise<Asked<readonly ServedModel[]>>;
}

export function createConnection(fetch: typeof window.fetch, key: string | undefined): Connection {
  async function ask(path: string, init: RequestInit = {}): Promise<Asked<Response>> {
    const headers = new Headers(init.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, credentials: 'same-origin', cache: 'no-store' });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      return { ok: false, failure: unreachable };
    }
    if (response.ok) return { ok: true, value: response };
    return { ok: false, failure: await failureOf(response), status: response.status };
  }

  return {
    ask,
    async models() {
      const asked = await ask('/v1/models');
      if (!asked.ok) return asked;
      const body: unknown = await asked.value.json().catch(() => undefined);
      const data = isObject(body) && Array.isArray(body['data']) ? body['data'] : [];
      return { ok: true, value: data.flatMap((entry: unknown) => modelIn(entry)) };
    },
  };
}

function modelIn(entry: unknown): ServedModel[] {
  if (!isObject(entry) || typeof entry['id'] !== 'string') return [];
  const context = entry['context_length'];
  return [{ id: entry['id'], contextLength: typeof context === 'number' ? context : undefined }];
}
