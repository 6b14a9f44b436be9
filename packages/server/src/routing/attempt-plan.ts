import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { type DecodedRequest, type Requirement, unmet } from '../domain/requirements.ts';
import type { Catalogue, Model, Target } from './catalogue.ts';

/** A target that a request may be sent to, and the model whose configuration applies there. */
export interface Candidate {
  readonly target: Target;
  readonly model: Model;
  /** True where this is not the model that was asked for. */
  readonly fallback: boolean;
}

/**
 * One group of candidates for each model, in order: the model that was asked for, then its fallbacks. No group is
 * empty.
 */
export type AttemptPlan = readonly (readonly Candidate[])[];

/** Which models the sender may use. */
export interface PlanRights {
  allows(model: Model): boolean;
}

/**
 * Finds all targets that a request may be sent to: first, or later as a fallback, hedge or takeover. A target that cannot
 * honour a feature or a value of the request is left out here. The order of the others is decided attempt by attempt
 * (`attempt-machine.ts`). A fallback that the sender may not use is left out too; whether it may use `model`, the caller
 * has checked.
 *
 * Failures: `unsupported_parameter` or `invalid_value` with the field's path when no target honours the request,
 * `no_healthy_upstream` when there is no target at all.
 */
export function planAttempts(
  model: Model,
  asked: DecodedRequest,
  catalogue: Catalogue,
  rights?: PlanRights,
): Result<AttemptPlan> {
  const fallbacks = model.fallbacks
    .flatMap((id) => catalogue.find(id) ?? [])
    .filter((fallback) => rights?.allows(fallback) ?? true);
  const groups: Candidate[][] = [];
  let reason: Failure | undefined;
  for (const one of [model, ...fallbacks]) {
    const group: Candidate[] = [];
    for (const target of one.targets) {
      const lacking = unmet(asked.requirements, target.upstream.capabilities(target.model));
      const refusal =
        lacking === undefined ? target.upstream.refuses?.(asked.request, target.model) : undefined;
      // The reason of the first target is reported: it is a target of the model that was asked for.
      if (lacking !== undefined) reason ??= unsupported(lacking, model);
      else if (refusal !== undefined) reason ??= refusal;
      else group.push({ target, model: one, fallback: one !== model });
    }
    if (group.length > 0) groups.push(group);
  }
  if (groups.length > 0) return ok(groups);
  return fail(
    reason ?? failure('no_healthy_upstream', `No target of the model '${model.id}' is available right now.`),
  );
}

function unsupported({ param, hint }: Requirement, { id }: Model): Failure {
  const refused = `'${param}' is not supported by the model '${id}'.`;
  const message = `${refused} ${hint ?? 'Leave it out, or use another model.'}`;
  return failure('unsupported_parameter', message, { param });
}
