import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { type DecodedRequest, type Requirement, unmet } from '../domain/requirements.ts';
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
 * Which targets a request may meet, first or later: as fallbacks, hedges and takeovers too. Those that cannot
 * honour it, a feature or a value of it, are left out here, before any dice are thrown; in which order the others
 * are asked is decided attempt by attempt (`attempt-machine.ts`).
 *
 * Failures: `unsupported_parameter` or `invalid_value` naming the field when no target honours the request,
 * `no_healthy_upstream` when there is no target at all.
 */
export function planAttempts(model: Model, asked: DecodedRequest, catalogue: Catalogue): Result<AttemptPlan> {
  const fallbacks = model.fallbacks.flatMap((id) => catalogue.find(id) ?? []);
  const able: Candidate[][] = [];
  let reason: Failure | undefined;
  for (const one of [model, ...fallbacks]) {
    const stage: Candidate[] = [];
    for (const target of one.targets) {
      const lacking = unmet(asked.requirements, target.upstream.capabilities(target.model));
      const refusal =
        lacking === undefined ? target.upstream.refuses?.(asked.request, target.model) : undefined;
      // What the first one says is said: it is the model that was asked for, in the operator's order.
      if (lacking !== undefined) reason ??= unsupported(lacking, model);
      else if (refusal !== undefined) reason ??= refusal;
      else stage.push({ target, model: one, fallback: one !== model });
    }
    if (stage.length > 0) able.push(stage);
  }
  if (able.length > 0) return ok(able);
  return fail(
    reason ?? failure('no_healthy_upstream', `No target of the model '${model.id}' is available right now.`),
  );
}

function unsupported({ param, hint }: Requirement, { id }: Model): Failure {
  const refused = `'${param}' is not supported by the model '${id}'.`;
  const message = `${refused} ${hint ?? 'Leave it out, or use another model.'}`;
  return failure('unsupported_parameter', message, { param });
}
