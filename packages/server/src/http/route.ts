import type { Access } from '../access/authenticator.ts';
import type { Surface } from '../wire/contract.ts';
import type { Exchange } from './exchange.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One row of the route table. Authentication belongs to the row: a route without one cannot be written. */
export interface Route {
  readonly method: Method;
  /**
   * Compared with the raw path, byte for byte. It may have one id: `{id}` stands for one segment, `{+id}` at the end for the
   * rest of the path, as in RFC 6570. An id may have `/` as `%2F`, that of `{+id}` also plain; it is decoded once, after the
   * match.
   */
  readonly path: string;
  readonly access: Access;
  /** The envelope of all refusals at this path and below it, also where no route is found. Default: OpenAI's. */
  readonly surface?: Pick<Surface, 'errorReply'>;
  /** The route reads its query, and refuses what it does not know. Without this a route of the administration takes none. */
  readonly readsQuery?: true;
  handle(exchange: Exchange): Promise<void>;
}

export type Match =
  | { readonly type: 'route'; readonly route: Route; readonly id: string }
  | { readonly type: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly type: 'unknown' };

/**
 * Exact match on the raw path: an odd spelling of a known route is an unknown route. A path that a route has literally is no id of
 * another one: `/admin/v1/keys/rotate-signing` is no key.
 */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const asked = method === 'HEAD' ? 'GET' : method;
  let allowed: Set<string> | undefined;
  for (const route of routes) {
    const id = idOf(route.path, path);
    if (id === undefined || (id !== '' && routes.some((other) => other.path === path))) continue;
    if (route.method === asked) return { type: 'route', route, id };
    allowed ??= new Set();
    allowed.add(route.method);
    if (route.method === 'GET') allowed.add('HEAD');
  }
  return allowed === undefined ? { type: 'unknown' } : { type: 'wrong-method', allowed: [...allowed] };
}

/** The decoded id, empty for a route without one; undefined where the path is not this route's. */
function idOf(template: string, path: string): string | undefined {
  const at = template.indexOf('{');
  if (at < 0) return path === template ? '' : undefined;
  const end = template.indexOf('}', at) + 1;
  const behind = template.length - end;
  if (path.length <= at + behind || !path.startsWith(template.slice(0, at))) return undefined;
  if (behind > 0 && !path.endsWith(template.slice(end))) return undefined;
  const raw = path.slice(at, path.length - behind);
  const rest = template[at + 1] === '+';
  // A segment of dots has another meaning to the proxies on the way.
  if (!rest && (raw.includes('/') || raw === '.' || raw === '..')) return undefined;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

/** The path of a route, with the id of `path` where both have one at the same place: for hints. */
export function filledIn(template: string, path: string): string {
  const at = template.split('/').findIndex((segment) => segment.startsWith('{'));
  const id = at < 0 ? undefined : path.split('/')[at];
  return id ? template.replace(/\{\+?id\}/, () => id) : template;
}
