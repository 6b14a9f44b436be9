import { fail, failure, ok, type Result } from '../domain/failure.ts';
import { type Requirement, unmet } from '../domain/requirements.ts';
import type { Catalogue, Model, Target } from './catalogue.ts';

/** One target a request may be sent to, and the model whose rules apply there. */
export interface Candidate {
  readonly target: Target;
  readonly model: Model;
  /** True where this is not the model that was asked for. */
  readonly fallback: boolean;
}

/** The model that was asked for, then its fallbacks: each with the targets that can honour the request. */
export type AttemptPlan = readonly (readonly Candidate[])[];

/**
 * Which targets a request may meet. Those that cannot honour it are left out here, before any dice are
 * thrown; in which order the others are asked is decided attempt by attempt (`attempt-machine.ts`).
 *
 * Failures: `unsupported_parameter` naming the field when no target honours the request,
 * `no_healthy_upstream` when there is no target at all.
 */
export function planAttempts(
  model: Model,
  requirements: readonly Requirement[],
  catalogue: Catalogue,
): Result<AttemptPlan> {
  const fallbacks = model.fallbacks.flatMap((id) => catalogue.find(id) ?? []);
  const stages = [model, ...fallbacks].map((one) =>
    one.targets.map((target) => ({ target, model: one, fallback: one !== model })),
  );
  const able = stages
    .map((stage) => stage.filter(({ target }) => unmetBy(target, requirements) === undefined))
    .filter((stage) => stage.length > 0);
  if (able.length > 0) return ok(able);

  const [first] = stages.flat();
  const lacking = first === undefined ? undefined : unmetBy(first.target, requirements);
  if (lacking === undefined) {
    return fail(
      failure('no_healthy_upstream', `No target of the model '${model.id}' is available right now.`),
    );
  }
  const refused = `'${lacking.param}' is not supported by the model '${model.id}'.`;
  const message = `${refused} ${lacking.hint ?? 'Leave it out, or use another model.'}`;
  return fail(failure('unsupported_parameter', message, { param: lacking.param }));
}

function unmetBy(target: Target, requirements: readonly Requirement[]): Requirement | undefined {
  return unmet(requirements, target.upstream.capabilities(target.model));
}
