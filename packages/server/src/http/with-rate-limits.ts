import type { Meter } from '../metering/meter.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';
import type { Route } from './route.ts';

/**
 * The route, whose answers say what is left of the limits of the key that asks; a signed address has none. Public routes and
 * those of the administration stay as they are.
 */
export function withRateLimits(route: Route, meter: Pick<Meter, 'look'>): Route {
  if (route.access !== 'key' && route.access !== 'stream') return route;
  return {
    ...route,
    async handle(exchange) {
      Object.assign(exchange.headers, rateLimitHeaders(await meter.look(exchange.principal)));
      // Not awaited here: an answer may take long, and this function would wait as long.
      return route.handle(exchange);
    },
  };
}
