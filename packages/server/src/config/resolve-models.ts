import type { EngineModelConfig, ModelConfig, TimeoutsConfig } from './config.ts';
import { expected, valueIs } from './config-problem.ts';
import { defaultEngineModel, defaultModel, engineUpstream, isModelId, modelIdForm } from './names.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { ModelFlag } from './resolve-engine.ts';
import { resolveFallbacks } from './resolve-fallbacks.ts';
import { resolvePrice } from './resolve-price.ts';
import { resolveTargets } from './resolve-targets.ts';
import type { RawConfig, RawModel } from './schema.ts';

/** Every public id with its aliases, targets and fallbacks, with the invariants of `config.ts`. */
export function resolveModels(
  raw: RawConfig,
  engineModels: ReadonlyMap<string, EngineModelConfig>,
  modelFlag: ModelFlag | undefined,
  context: ResolveContext,
): ReadonlyMap<string, ModelConfig> {
  const aliases = collectAliases(raw.models, modelFlag, context);
  const taken = new Set([...Object.keys(raw.models), ...[...aliases.values()].flat()]);
  const ofTheEngine = [...engineModels]
    .filter(([id, model]) => model.public && !taken.has(id))
    .map(([id]) => id);
  for (const id of ofTheEngine) taken.add(id);
  if (!taken.has(defaultModel)) {
    const first = modelFlag?.id ?? Object.keys(raw.models)[0] ?? ofTheEngine[0];
    if (first !== undefined) aliases.set(first, [...(aliases.get(first) ?? []), defaultModel]);
  }

  const ids = [...Object.keys(raw.models), ...ofTheEngine];
  const idOf = new Map(
    ids.flatMap((id) => [id, ...(aliases.get(id) ?? [])].map((name) => [name, id] as const)),
  );
  const isSwitchedOff = (name: string) =>
    !raw.engine.enabled && (name === defaultEngineModel || context.written('engine', 'models').has(name));
  const fallbacks = resolveFallbacks(raw.models, idOf, isSwitchedOff, context);

  const models = new Map<string, ModelConfig>();
  for (const [id, model] of Object.entries(raw.models)) {
    if (!isModelId(id))
      context.problems.report(['models', id], expected(`a model id (${modelIdForm})`, id, []), 'key');
    models.set(id, {
      aliases: aliases.get(id) ?? [],
      targets: resolveTargets(id, raw, engineModels, context),
      balance: model.balance,
      fallbacks: fallbacks.get(id) ?? [],
      timeouts: resolveTimeouts(model.timeouts),
      ...(model.price !== undefined && {
        price: resolvePrice(model.price, ['models', id, 'price'], context),
      }),
      ...(model.context !== undefined && { context: model.context }),
      ...(model.logging.content !== undefined && { keepContent: model.logging.content }),
    });
  }
  for (const id of ofTheEngine) {
    models.set(id, {
      aliases: aliases.get(id) ?? [],
      targets: [{ upstream: engineUpstream, model: id, priority: 0, weight: 1 }],
      balance: 'weight',
      fallbacks: [],
      timeouts: {},
    });
  }
  return models;
}

/** The aliases of each model. No two of them are equal, and none is the id of a model. */
function collectAliases(
  models: RawConfig['models'],
  modelFlag: ModelFlag | undefined,
  { problems }: ResolveContext,
): Map<string, readonly string[]> {
  const owner = new Map<string, string>();
  const aliases = new Map<string, readonly string[]>();
  if (modelFlag !== undefined) {
    for (const name of new Set([modelFlag.id, defaultModel])) {
      if (!Object.hasOwn(models, name)) continue;
      problems.reportAt(
        { source: '--model' },
        `serves its file as "${modelFlag.id}" and "${defaultModel}", but the configuration has a model "${name}"`,
      );
    }
  }
  for (const [id, model] of Object.entries(models)) {
    const kept: string[] = [];
    for (const [index, alias] of model.aliases.entries()) {
      const path = ['models', id, 'aliases', index];
      const other = owner.get(alias);
      if (Object.hasOwn(models, alias)) {
        problems.report(path, valueIs(alias, 'is already the id of a model'));
      } else if (other !== undefined) {
        problems.report(path, valueIs(alias, `is already an alias of "${other}"`));
      } else if (modelFlag === undefined || (alias !== defaultModel && alias !== modelFlag.id)) {
        owner.set(alias, id); // the names of --model have precedence over the file's
        kept.push(alias);
      }
    }
    aliases.set(id, kept);
  }
  return aliases;
}

/** Only the timeouts that are set, under their names in `Config`: a model's replace the general ones. */
export function resolveTimeouts(raw: RawModel['timeouts']): Partial<TimeoutsConfig> {
  return {
    ...(raw.connect !== undefined && { connectMs: raw.connect }),
    ...(raw.first_token !== undefined && { firstTokenMs: raw.first_token }),
    ...(raw.stall !== undefined && { stallMs: raw.stall }),
    ...(raw.total !== undefined && { totalMs: raw.total }),
    ...(raw.hedge_after !== undefined && { hedgeAfterMs: raw.hedge_after }),
    ...(raw.client_write !== undefined && { clientWriteMs: raw.client_write }),
    ...(raw.drain !== undefined && { drainMs: raw.drain }),
  };
}
