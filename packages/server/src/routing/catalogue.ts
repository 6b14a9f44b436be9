import { isDeepStrictEqual } from 'node:util';
import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import { type Feature, features } from '../domain/requirements.ts';
import type { SamplingDefaults } from '../domain/sampling-defaults.ts';
import type { Upstream } from '../upstreams/contract.ts';

/** One destination of a request: an upstream, and the name of a model at that upstream. */
export interface Target {
  /** `upstream/model`, such as `lab/llama-3.1-8b`: the target's name in the log and in headers. */
  readonly name: string;
  readonly upstream: Upstream;
  /** The name by which the upstream knows the model. */
  readonly model: string;
  readonly priority: number;
  readonly weight: number;
  /** How this target takes over another target's answer; undefined where the configuration has no value. */
  readonly takeover: TakeoverMode | undefined;
}

/**
 * How a target continues an answer that was cut. `prefix`: it gets the delivered text and continues it. `replay`: it
 * gets the request again, and its answer is compared with the delivered text. `none`: it does not.
 */
export type TakeoverMode = 'prefix' | 'replay' | 'none';

/** A model by its public id, with its targets and its configuration. */
export interface Model {
  readonly id: string;
  /** Its other names. */
  readonly aliases: readonly string[];
  readonly targets: readonly Target[];
  /** How a target is chosen among several healthy ones of equal priority. */
  readonly balance: 'weight' | 'least_busy';
  /** Ids of the models to ask, in this order, when no target of this model can answer. */
  readonly fallbacks: readonly string[];
  readonly timeouts: TimeoutsConfig;
  /**
   * Tokens of prompt and answer together: as configured, else the smallest that a target declares; undefined where none
   * does. It is a function because the engine knows it only after it has loaded its models.
   */
  contextLength(): number | undefined;
}

/** Finds models by public id or alias. Built once from a configuration, never changed. */
export interface Catalogue {
  /** By id or alias. */
  find(id: string): Model | undefined;
  /** Every name that a client may use, ids and aliases, in the order of the configuration. */
  names(): readonly { readonly name: string; readonly model: Model }[];
  /** One warning for each target with `takeover: prefix` whose upstream cannot continue a given text. */
  takeoverWarnings(): readonly string[];
}

/** Targets of an upstream that is not in `upstreams` are left out. `timeouts`: for models without their own. */
export function createCatalogue(
  models: ReadonlyMap<string, ModelConfig>,
  upstreams: ReadonlyMap<string, Upstream>,
  timeouts: TimeoutsConfig,
): Catalogue {
  const byName = new Map<string, Model>();
  for (const [id, config] of models) {
    const model = buildModel(id, config, upstreams, timeouts);
    for (const name of [id, ...config.aliases]) byName.set(name, model);
  }
  return {
    find: (id) => byName.get(id),
    names: () => [...byName].map(([name, model]) => ({ name, model })),
    takeoverWarnings: () =>
      [...new Set(byName.values())].flatMap(({ id, targets }) =>
        targets
          .filter(isUnsupportedPrefix)
          .map(
            ({ name }) =>
              `models.${id}: target ${name} has takeover: prefix, but its upstream cannot continue a given text; ` +
              'after a cut the request is sent again where it is repeatable, else the answer ends in an error',
          ),
      ),
  };
}

function buildModel(
  id: string,
  config: ModelConfig,
  upstreams: ReadonlyMap<string, Upstream>,
  timeouts: TimeoutsConfig,
): Model {
  const targets: Target[] = [];
  for (const target of config.targets) {
    const upstream = upstreams.get(target.upstream);
    // The start of the server has reported an upstream that could not be created; its targets are left out.
    if (upstream === undefined) continue;
    const { model, priority, weight, takeover } = target;
    targets.push({ name: `${upstream.name}/${model}`, upstream, model, priority, weight, takeover });
  }
  return {
    id,
    aliases: config.aliases,
    targets,
    balance: config.balance,
    fallbacks: config.fallbacks,
    timeouts: { ...timeouts, ...config.timeouts },
    contextLength: () => config.context ?? smallestContext(targets),
  };
}

/** The features that at least one target of the model honours: a request is sent only to those that honour all of its own. */
export function capabilitiesOf({ targets }: Pick<Model, 'targets'>): Feature[] {
  const each = targets.map(({ upstream, model }) => upstream.capabilities(model));
  return features.filter((feature) => each.some((one) => one.has(feature)));
}

/** How every target of the model samples where a request does not say it; undefined where one is not known, or they differ. */
export function commonDefaults({ targets }: Pick<Model, 'targets'>): SamplingDefaults | undefined {
  const [first, ...others] = targets.map(({ upstream, model }) => upstream.samplingDefaults?.(model));
  return others.every((other) => isDeepStrictEqual(other, first)) ? first : undefined;
}

function isUnsupportedPrefix({ takeover, upstream, model }: Target): boolean {
  return takeover === 'prefix' && upstream.takeover?.(model) === undefined;
}

function smallestContext(targets: readonly Target[]): number | undefined {
  const lengths = targets.flatMap(({ upstream, model }) => upstream.contextLength(model) ?? []);
  return lengths.length === 0 ? undefined : Math.min(...lengths);
}
