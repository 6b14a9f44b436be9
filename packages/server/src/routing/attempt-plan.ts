import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { type Requirement, unmet } from '../domain/requirements.ts';
import type { Catalogue, Model, Target } from './catalogue.ts';

/** One target a request may try, and the model whose rules apply there. */
export interface Candidate {
  readonly target: Target;
  readonly model: Model;
  /** True where this is not the model that was asked for. */
  readonly fallback: boolean;
}

/**
 * The order in which a request meets its targets: those of the model by priority, drawn by weight within
 * one; then its fallbacks'. Targets that cannot honour the request are left out before any dice are thrown.
 *
 * Failures: `unsupported_parameter` naming the field when no target honours the request,
 * `no_healthy_upstream` when there is no target at all.
 */
export function planAttempts(
  model: Model,
  requirements: readonly Requirement[],
  catalogue: Catalogue,
  random: () => number,
): Result<readonly Candidate[]> {
  const fallbacks = model.fallbacks.flatMap((id) => catalogue.find(id) ?? []);
  const reachable = [model, ...fallbacks].flatMap((one) => drawOrder(one, model, random));
  const able = reachable.filter(({ target }) => unmetBy(target, requirements) === undefined);
  if (able.length > 0) return ok(able);

  const [first] = reachable;
  const lacking = first === undefined ? undefined : unmetBy(first.target, requirements);
  if (lacking === undefined) {
    return fail(
      failure('no_healthy_upstream', `No target of the model '${model.id}' is available right now.`),
    );
  }
  return fail(
    failure(
      'unsupported_parameter',
      `'${lacking.param}' is not supported by the model '${model.id}'. Leave it out, or use another model.`,
      { param: lacking.param },
    ),
  );
}

function unmetBy(target: Target, requirements: readonly Requirement[]): Requirement | undefined {
  return unmet(requirements, target.upstream.capabilities(target.model));
}

function drawOrder(model: Model, asked: Model, random: () => number): Candidate[] {
  const priorities = [...new Set(model.targets.map((target) => target.priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    drawByWeight(
      model.targets.filter((target) => target.priority === priority),
      random,
    ).map((target) => ({ target, model, fallback: model !== asked })),
  );
}

function drawByWeight(targets: readonly Target[], random: () => number): Target[] {
  const left = [...targets];
  const drawn: Target[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, target) => sum + target.weight, 0);
    let point = random() * total;
    let index = left.findIndex((target) => {
      point -= target.weight;
      return point < 0;
    });
    if (index < 0) index = left.length - 1;
    drawn.push(...left.splice(index, 1));
  }
  return drawn;
}
