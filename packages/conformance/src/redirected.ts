import type { Endpoint } from './wire/endpoint.ts';
import { type Exchange, headerOf } from './wire/exchange.ts';

/**
 * Where an endpoint sends its clients instead of answering, and what URL to give; undefined where one of the exchanges was answered.
 * A check follows no redirect: the key must not reach a host that the user did not name.
 */
export function redirected(exchanges: readonly Exchange[], endpoint: Endpoint): string | undefined {
  const [first] = exchanges;
  if (first?.response === undefined || !exchanges.every(isRedirect)) return undefined;
  const { method, path } = first.request;
  const location = headerOf(first.response, 'location') ?? '';
  const seen = `${method} ${path} is redirected with status ${first.response.status}`;
  if (!URL.canParse(location, endpoint.url)) return `${seen}, to no URL: give the URL of the API itself`;
  const { origin, pathname } = new URL(location, endpoint.url);
  const asked = path.slice(endpoint.basePath.length).split('?', 1)[0] ?? '';
  const base = pathname.replace(/\/+$/, '');
  if (!base.endsWith(asked)) return `${seen} to ${origin}${pathname}: give the URL of the API itself`;
  return `${seen} to ${origin}${pathname}: give ${origin}${base.slice(0, -asked.length)}`;
}

function isRedirect({ response }: Exchange): boolean {
  return response !== undefined && [301, 302, 303, 307, 308].includes(response.status);
}
