import { didYouMean } from '../domain/nearest.ts';
import type { EngineModelConfig, TargetConfig } from './config.ts';
import { type ConfigPath, expected } from './config-problem.ts';
import { defaultEngineModel, engineUpstream } from './names.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { RawConfig, RawModel } from './schema.ts';

type RawTarget = RawModel['targets'][number];

/** The targets of one model. Where the engine is switched off, its targets are left out, with a warning. */
export function resolveTargets(
  id: string,
  raw: RawConfig,
  engineModels: ReadonlyMap<string, EngineModelConfig>,
  context: ResolveContext,
): readonly TargetConfig[] {
  const path = ['models', id, 'targets'];
  const written = raw.models[id]?.targets ?? [];
  if (written.length === 0) {
    context.problems.report(
      path,
      `a model needs at least one target, such as {engine: ${defaultEngineModel}}`,
    );
  }
  const targets: TargetConfig[] = [];
  for (const [index, target] of written.entries()) {
    const place = [...path, index];
    const found = placeOf(target, id, place, engineModels, context, raw.engine.enabled);
    if (found === undefined) continue;
    targets.push({
      ...found,
      priority: target.priority,
      weight: target.weight,
      ...(target.takeover !== undefined && { takeover: target.takeover }),
    });
  }
  for (const priority of new Set(targets.map((target) => target.priority))) {
    const group = targets.filter((target) => target.priority === priority);
    if (group.some((target) => target.weight > 0)) continue;
    context.problems.report(
      path,
      `no target of priority ${priority} has a weight above 0, so none would be drawn`,
    );
  }
  return targets;
}

function placeOf(
  target: RawTarget,
  id: string,
  path: ConfigPath,
  engineModels: ReadonlyMap<string, EngineModelConfig>,
  context: ResolveContext,
  engineEnabled: boolean,
): Pick<TargetConfig, 'upstream' | 'model'> | undefined {
  const { problems, warnings } = context;
  const { upstream, engine, model } = target;
  if (upstream !== undefined && engine !== undefined) {
    problems.report(path, 'names both an upstream and an engine model; a target is one of them');
    return undefined;
  }
  if (engine !== undefined) {
    if (model !== undefined) {
      problems.report([...path, 'model'], 'belongs to an upstream; engine: already names the model', 'key');
    }
    if (!engineEnabled) {
      warnings.push(`models.${id}: the engine is off, so its target {engine: ${engine}} is left out`);
      return undefined;
    }
    const known = [...context.written('engine', 'models'), ...engineModels.keys(), defaultEngineModel];
    if (!known.includes(engine)) {
      const what = 'the id of a model under engine.models';
      problems.report([...path, 'engine'], expected(what, engine, [], didYouMean(engine, known)));
    }
    return { upstream: engineUpstream, model: engine };
  }
  if (upstream === undefined) {
    problems.report(path, 'names no place; expected {upstream: NAME, model: …} or {engine: ID}');
    return undefined;
  }
  const known = context.written('upstreams');
  if (!known.has(upstream)) {
    const hint =
      upstream === engineUpstream ? ' (the local engine is named {engine: ID})' : didYouMean(upstream, known);
    problems.report([...path, 'upstream'], expected('the name of an upstream', upstream, [], hint));
  }
  return { upstream, model: model ?? id };
}
