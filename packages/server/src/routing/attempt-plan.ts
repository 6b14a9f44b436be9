import { type Failure, fail, failure, ok, type Result } from '../domain/failure.ts';
import { type DecodedRequest, unmet } from '../domain/requirements.ts';
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
      const refusal = refusalOf(target, asked, model);
      if (refusal === undefined) stage.push({ target, model: one, fallback: one !== model });
      // What the first one says is said: it is the model that was asked for, in the operator's order.
      else reason ??= refusal;
    }
    if (stage.length > 0) able.push(stage);
  }
  if (able.length > 0) return ok(able);
  return fail(
    reason ?? failure('no_healthy_upstream', `No target of the model '${model.id}' is available right now.`),
  );
}

function refusalOf(
  { upstream, model }: Target,
  { request, requirements }: DecodedRequest,
  asked: Model,
): Failure | undefined {
  const lacking = unmet(requirements, upstream.capabilities(model));
  if (lacking === undefined) return upstream.refuses?.(request, model);
  const refused = `'${lacking.param}' is not supported by the model '${asked.id}'.`;
  const message = `${refused} ${lacking.hint ?? 'Leave it out, or use another model.'}`;
  return failure('unsupported_parameter', message, { param: lacking.param });
}
