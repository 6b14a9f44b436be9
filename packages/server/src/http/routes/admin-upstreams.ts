import type { Catalogue } from '../../routing/catalogue.ts';
import type { Route } from '../route.ts';
import { healthIn, type ServiceView } from '../service-view.ts';
import { healthJson } from './health-json.ts';
import { listRoute } from './list-route.ts';

/** `GET /admin/v1/upstreams`: every target of every model, its breaker and its requests in flight. `now`: Unix milliseconds. */
export function adminUpstreamsRoute(
  service: Pick<ServiceView, 'targets'>,
  catalogue: Catalogue,
  now: () => number,
): Route {
  return listRoute({
    path: '/admin/v1/upstreams',
    async entries() {
      const healthOf = healthIn(await service.targets());
      const targets = catalogue.names().flatMap(({ model }) => model.targets);
      return [...new Map(targets.map((target) => [target.name, target])).values()].map((target) => ({
        target,
        health: healthOf(target.upstream.name, target.model),
      }));
    },
    idOf: ({ target }) => target.name,
    json: ({ target, health }) => ({
      id: target.name,
      upstream: target.upstream.name,
      model: target.model,
      ...healthJson(health, now()),
    }),
  });
}
