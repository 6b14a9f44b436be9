import { failureOf, type PageFailure, unreachable } from './failure.ts';
import { isObject, listIn } from './json.ts';

export interface ServedModel {
  readonly id: string;
  /** Tokens; undefined where the server does not know. */
  readonly contextLength: number | undefined;
  /** Features that a request to it may use, as `docs/http.md` names them; undefined where the server does not say. */
  readonly capabilities: readonly string[] | undefined;
  readonly price: ModelPrice | undefined;
  /** What fields of a request are where it does not set them, by their names; undefined where the server does not say. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
}

/** Dollars for a million tokens. */
export interface TokenPrices {
  readonly input?: number;
  readonly output?: number;
  readonly cached?: number;
}

export interface ModelPrice extends TokenPrices {
  /** Dollars for each request. */
  readonly request?: number;
  /** For prompts of more than `tokens`, in ascending order of these. */
  readonly above: readonly (TokenPrices & { readonly tokens: number })[];
}

export type Asked<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly failure: PageFailure;
      readonly status?: number;
      readonly refusal?: Refusal;
    };

/** The answer of a refusal, as it came. */
export interface Refusal {
  readonly headers: Headers;
  readonly body: string;
}

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
    const body = await response.text().catch(() => '');
    const refusal = { headers: response.headers, body };
    return { ok: false, failure: failureOf(response, body), status: response.status, refusal };
  }

  return {
    ask,
    async models() {
      const asked = await ask('/v1/models');
      if (!asked.ok) return asked;
      const body: unknown = await asked.value.json().catch(() => undefined);
      const data = listIn(body);
      return { ok: true, value: data.flatMap((entry: unknown) => modelIn(entry)) };
    },
  };
}

function modelIn(entry: unknown): ServedModel[] {
  if (!isObject(entry) || typeof entry['id'] !== 'string') return [];
  const { id, context_length: context, capabilities, price, defaults } = entry;
  return [
    {
      id,
      contextLength: typeof context === 'number' ? context : undefined,
      capabilities: Array.isArray(capabilities) ? capabilities.map(String) : undefined,
      price: isObject(price) ? priceIn(price) : undefined,
      ...(isObject(defaults) ? { defaults } : {}),
    },
  ];
}

function priceIn(price: Readonly<Record<string, unknown>>): ModelPrice {
  const { request, above } = price;
  const steps = Array.isArray(above) ? above.filter(isObject) : [];
  return {
    ...tokenPricesIn(price),
    ...(request === undefined ? {} : { request: Number(request) }),
    above: steps.map((step) => ({ ...tokenPricesIn(step), tokens: Number(step['tokens']) })),
  };
}

/** The amounts come as decimal texts. */
function tokenPricesIn(prices: Readonly<Record<string, unknown>>): TokenPrices {
  const { input, output, cached } = prices;
  return {
    ...(input === undefined ? {} : { input: Number(input) }),
    ...(output === undefined ? {} : { output: Number(output) }),
    ...(cached === undefined ? {} : { cached: Number(cached) }),
  };
}
