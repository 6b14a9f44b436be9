import type { ModelConfig, TimeoutsConfig } from '../config/config.ts';
import type { Upstream } from '../upstreams/contract.ts';

/** One place where a model can be had. */
export interface Target {
  /** Upstream and model there, `lab/llama-3.1-8b`: what the log, the headers and the breakers call it. */
  readonly name: string;
  readonly upstream: Upstream;
  /** The model's name there. */
  readonly model: string;
  readonly priority: number;
  readonly weight: number;
  /** How it goes on with somebody else's answer, where the configuration says; see `takeover-mode.ts`. */
  readonly takeover: TakeoverMode | undefined;
}

export type TakeoverMode = 'prefix' | 'replay' | 'none';

/** A public model id and everything a request for it may meet. */
export interface Model {
  readonly id: string;
  readonly targets: readonly Target[];
  /** How one of several healthy targets of equal priority is chosen. */
  readonly balance: 'weight' | 'least_busy';
  /** Other models, in order, for when no target of this one can serve. */
  readonly fallbacks: readonly string[];
  readonly timeouts: TimeoutsConfig;
  /**
   * Tokens of prompt and answer, the smallest any target declares; undefined where none says. Asked each
   * time: the engine knows only once its models are loaded.
   */
  contextLength(): number | undefined;
}

/** Public ids and aliases → models. Built once from a configuration, never changed. */
export interface Catalogue {
  /** By id or alias. */
  find(id: string): Model | undefined;
  /** Every name a client may use, ids and aliases, in the order of the configuration. */
  names(): readonly { readonly name: string; readonly model: Model }[];
  /** A warning for each target that is configured to go on with a prefix at an upstream that cannot. */
  takeoverWarnings(): readonly string[];
}

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
          .filter(isVainPrefix)
          .map(
            ({ name }) =>
              `models.${id}: target ${name} has takeover: prefix, but that upstream cannot go on with a given beginning; ` +
              'a torn stream is replayed where its request repeats itself, else it ends in an error',
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
    // An upstream that could not be had was reported when the server started; its targets are not there.
    if (upstream === undefined) continue;
    const { model, priority, weight, takeover } = target;
    targets.push({ name: `${upstream.name}/${model}`, upstream, model, priority, weight, takeover });
  }
  return {
    id,
    targets,
    balance: config.balance,
    fallbacks: config.fallbacks,
    timeouts: { ...timeouts, ...config.timeouts },
    contextLength: () => config.context ?? smallestContext(targets),
  };
}

function isVainPrefix({ takeover, upstream, model }: Target): boolean {
  return takeover === 'prefix' && upstream.takeover?.(model) === undefined;
}

function smallestContext(targets: readonly Target[]): number | undefined {
  const lengths = targets.flatMap(({ upstream, model }) => upstream.contextLength(model) ?? []);
  return lengths.length === 0 ? undefined : Math.min(...lengths);
}
