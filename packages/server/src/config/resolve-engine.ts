import type { SamplingDefaults } from '../domain/sampling-defaults.ts';
import type { EngineModelConfig } from './config.ts';
import { expected } from './config-problem.ts';
import { defaultEngineModel, isModelId } from './names.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { RawConfig } from './schema.ts';

const defaultSequences = 8;
/** The context length that the default model was trained with. */
const defaultModelContext = 2048;

const defaultModelConfig: EngineModelConfig = {
  sequences: defaultSequences,
  context: defaultModelContext,
  public: true,
};

/** The model file of `--model`, and the id of its model. */
export interface ModelFlag {
  readonly id: string;
  /** Absolute. */
  readonly file: string;
}

/**
 * The engine's models: those under `engine:`, that of `--model`, and the default model where a target names it or where no
 * model is configured. Empty where the engine is switched off.
 */
export function resolveEngineModels(
  raw: RawConfig,
  modelFlag: ModelFlag | undefined,
  context: ResolveContext,
): ReadonlyMap<string, EngineModelConfig> {
  if (!raw.engine.enabled) return new Map();
  const models = new Map<string, EngineModelConfig>();
  for (const [id, model] of Object.entries(raw.engine.models ?? {})) {
    const path = ['engine', 'models', id];
    if (!isModelId(id)) context.problems.report(path, expected('a model id', id, []), 'key');
    const replaced = modelFlag?.id === id;
    if (model.file === undefined && id !== defaultEngineModel && !replaced) {
      context.problems.report(
        [...path, 'file'],
        `needs the GGUF file; only ${defaultEngineModel} is found without one`,
      );
    }
    const ownDefault =
      id === defaultEngineModel && model.file === undefined ? defaultModelContext : undefined;
    const tokens = model.context ?? ownDefault;
    models.set(id, {
      sequences: model.sequences,
      public: model.public,
      ...(tokens !== undefined && { context: tokens }),
      ...(model.defaults !== undefined && { defaults: samplingOf(model.defaults) }),
      ...(model.file !== undefined && !replaced && { file: context.file([...path, 'file'], model.file) }),
    });
  }
  if (modelFlag !== undefined) {
    const written = models.get(modelFlag.id) ?? { sequences: defaultSequences };
    models.set(modelFlag.id, { context: 'max', ...written, public: true, file: modelFlag.file });
  }
  const named = Object.values(raw.models).some(({ targets }) =>
    targets.some((target) => target.engine === defaultEngineModel),
  );
  const nothingElse =
    models.size === 0 &&
    context.written('engine', 'models').size === 0 &&
    context.written('models').size === 0;
  if ((named || nothingElse) && !models.has(defaultEngineModel))
    models.set(defaultEngineModel, defaultModelConfig);
  return models;
}

type RawDefaults = NonNullable<NonNullable<RawConfig['engine']['models']>[string]['defaults']>;

function samplingOf(defaults: RawDefaults): SamplingDefaults {
  const { temperature, top_p: topP, top_k: topK, min_p: minP } = defaults;
  const { presence_penalty: presencePenalty, frequency_penalty: frequencyPenalty } = defaults;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(minP !== undefined && { minP }),
    ...(presencePenalty !== undefined && { presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequencyPenalty }),
  };
}
