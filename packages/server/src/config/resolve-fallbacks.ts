import { didYouMean } from '../domain/nearest.ts';
import { expected } from './config-problem.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { RawConfig } from './schema.ts';

/**
 * The fallbacks of every model as ids. A fallback to the model itself (`default` under the default model) is left out. A
 * circle of several models is a mistake: a request would go round in it.
 */
export function resolveFallbacks(
  raw: RawConfig['models'],
  idOf: ReadonlyMap<string, string>,
  isSwitchedOff: (id: string) => boolean,
  context: ResolveContext,
): ReadonlyMap<string, readonly string[]> {
  const resolved = new Map<string, readonly string[]>();
  for (const [id, model] of Object.entries(raw)) {
    const ids = new Set<string>();
    for (const [index, name] of model.fallbacks.entries()) {
      const fallback = idOf.get(name);
      if (fallback !== undefined) ids.add(fallback);
      else if (!isSwitchedOff(name) && !context.written('models').has(name)) {
        const hint = didYouMean(name, idOf.keys());
        context.problems.report(
          ['models', id, 'fallbacks', index],
          expected('the id or alias of a model', name, [], hint),
        );
      }
    }
    ids.delete(id);
    resolved.set(id, [...ids]);
  }
  refuseCircles(resolved, context);
  return resolved;
}

function refuseCircles(fallbacks: ReadonlyMap<string, readonly string[]>, context: ResolveContext): void {
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): void => {
    if (trail.includes(id)) {
      const circle = [...trail.slice(trail.indexOf(id)), id].join(' → ');
      context.problems.report(['models', trail.at(-1) ?? id, 'fallbacks'], `lead in a circle: ${circle}`);
      return;
    }
    if (done.has(id)) return;
    for (const next of fallbacks.get(id) ?? []) visit(next, [...trail, id]);
    done.add(id);
  };
  for (const id of fallbacks.keys()) visit(id, []);
}
