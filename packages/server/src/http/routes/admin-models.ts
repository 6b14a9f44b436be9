import type { Config } from '../../config/config.ts';
import { engineUpstream } from '../../config/names.ts';
import { priceJson } from '../../config/price-json.ts';
import { type ListedTarget, listPrices } from '../../metering/price-list.ts';
import { type Catalogue, capabilitiesOf, type Model, type Target } from '../../routing/catalogue.ts';
import type { TargetHealth } from '../../routing/health.ts';
import type { Route } from '../route.ts';
import { healthIn, type ServiceView } from '../service-view.ts';
import { healthJson } from './health-json.ts';
import { listRoute } from './list-route.ts';

/**
 * `GET /admin/v1/models`: every served model with its targets, what they honour, their prices and their health. `now`: Unix
 * milliseconds.
 */
export function adminModelsRoute(
  config: Config,
  catalogue: Catalogue,
  service: Pick<ServiceView, 'targets'>,
  now: () => number,
): Route {
  const prices = listPrices(config);

  function targetJson(model: Model, target: Target, health: TargetHealth) {
    const listed = prices.find((one) => one.model === model.id && one.target === target.name);
    return {
      id: target.name,
      upstream: target.upstream.name,
      model: target.model,
      priority: target.priority,
      weight: target.weight,
      takeover: target.takeover ?? null,
      price: listed === undefined ? null : listedPrice(listed),
      capabilities: capabilitiesOf({ targets: [target] }),
      engine: engineModel(target),
      ...healthJson(health, now()),
    };
  }

  /** What the configuration says of a model of the engine; null for a target elsewhere. */
  function engineModel({ upstream, model }: Target) {
    const engine = upstream.name === engineUpstream ? config.engine.models.get(model) : undefined;
    return engine === undefined ? null : { file: engine.file ?? null, sequences: engine.sequences };
  }

  function modelJson({ model, healthOf }: { model: Model; healthOf: ReturnType<typeof healthIn> }) {
    const targets = model.targets.map((target) =>
      targetJson(model, target, healthOf(target.upstream.name, target.model)),
    );
    return {
      id: model.id,
      aliases: model.aliases,
      context_length: model.contextLength() ?? null,
      balance: model.balance,
      fallbacks: model.fallbacks,
      healthy: targets.some(({ healthy }) => healthy),
      targets,
    };
  }

  return listRoute({
    path: '/admin/v1/models',
    async entries() {
      const healthOf = healthIn(await service.targets());
      return [...new Set(catalogue.names().map(({ model }) => model))].map((model) => ({ model, healthOf }));
    },
    idOf: ({ model }) => model.id,
    json: modelJson,
  });
}

/** The price with its place: the file that it stands in, null for the environment or flags, and its key there. */
function listedPrice({ price, source }: ListedTarget) {
  if (price === undefined || source === undefined) return null;
  return { ...priceJson(price), source: { file: source.file ?? null, key: source.key } };
}
