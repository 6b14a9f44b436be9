import { asciiJson } from '@tailrace/protocol';
import type { Catalogue } from '../../routing/catalogue.ts';
import type { Health } from '../../routing/health.ts';
import { replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** `GET /admin/v1/upstreams`: every target of every model, its breaker and its requests in flight. */
export function adminUpstreamsRoute(health: Health, catalogue: Catalogue): Route {
  return {
    method: 'GET',
    path: '/admin/v1/upstreams',
    access: 'admin',
    handle: (exchange) => {
      const targets = new Map(
        catalogue
          .names()
          .flatMap(({ model }) => model.targets.map((target) => [target.name, target] as const)),
      );
      const data = [...targets.values()].map((target) => {
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
      });
      return replyJson(exchange, 200, asciiJson({ data, has_more: false }));
    },
  };
}
