import type { Catalogue } from '../../routing/catalogue.ts';
import type { Health } from '../../routing/health.ts';
import type { Route } from '../route.ts';
import { listRoute } from './list-route.ts';

/** `GET /admin/v1/upstreams`: every target of every model, its breaker and its requests in flight. */
export function adminUpstreamsRoute(health: Health, catalogue: Catalogue): Route {
  return listRoute({
    path: '/admin/v1/upstreams',
    entries() {
      const targets = catalogue.names().flatMap(({ model }) => model.targets);
      return [...new Map(targets.map((target) => [target.name, target])).values()];
    },
    idOf: ({ name }) => name,
    json(target) {
      const { breaker, inFlight, recentFailures } = health.describe(target);
      return {
        id: target.name,
        upstream: target.upstream.name,
        model: target.model,
        healthy: breaker === 'closed',
        breaker,
        in_flight: inFlight,
        recent_failures: recentFailures,
      };
    },
  });
}
