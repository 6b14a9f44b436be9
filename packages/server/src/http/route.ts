import type { Access } from '../access/authenticator.ts';
import type { Surface } from '../wire/contract.ts';
import type { Exchange } from './exchange.ts';

/** One row of the route table. Authentication belongs to the row: a route without one cannot be written. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Compared with the raw path, byte for byte. With `takesId`, the prefix before the id. */
  readonly path: string;
  /** The rest of the path is an id: it may contain `/`, plain or as `%2F`, and is decoded once. */
  readonly takesId?: true;
  readonly access: Access;
  /** The envelope of all refusals at this path and below it, also where no route is found. Default: OpenAI's. */
  readonly surface?: Pick<Surface, 'errorReply'>;
  handle(exchange: Exchange): Promise<void>;
}

export type Match =
  | { readonly type: 'route'; readonly route: Route; readonly id: string }
  | { readonly type: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly type: 'unknown' };

/** Exact match on the raw path: an odd spelling of a known route is an unknown route. */
export function matchRoute(routes: readonly Route[], method: string, path: string): Match {
  const asked = method === 'HEAD' ? 'GET' : method;
  let allowed: Set<string> | undefined;
  for (const route of routes) {
    const id = idOf(route, path);
    if (id === undefined) continue;
    if (route.method === asked) return { type: 'route', route, id };
    allowed ??= new Set();
    allowed.add(route.method);
    if (route.method === 'GET') allowed.add('HEAD');
  }
  return allowed === undefined ? { type: 'unknown' } : { type: 'wrong-method', allowed: [...allowed] };
}

/** The decoded id, empty for a route without one; undefined where the path is not this route's. */
function idOf(route: Route, path: string): string | undefined {
  if (route.takesId === undefined) return path === route.path ? '' : undefined;
  if (!path.startsWith(route.path) || path.length === route.path.length) return undefined;
  try {
    return decodeURIComponent(path.slice(route.path.length));
  } catch {
    return undefined;
  }
}
