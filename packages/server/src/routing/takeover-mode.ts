import type { ChatRequest } from '../domain/chat-request.ts';
import type { Candidate } from './attempt-plan.ts';
import type { TakeoverMode } from './catalogue.ts';
import type { Delivered } from './delivered.ts';

/**
 * How a candidate could continue the answer delivered so far; `none` where it could not. The configuration decides; without
 * it, `prefix` where the upstream declares it, else a replay where the request is repeatable (temperature 0, or a seed). A
 * configured `prefix` counts only where the upstream declares that it can continue a given text, for certain or if the
 * operator says so: any other upstream would begin a new answer behind the old one.
 */
export function takeoverMode(
  { target }: Candidate,
  request: ChatRequest,
  delivered: Delivered,
): TakeoverMode {
  if (request.n > 1 || !delivered.continuable) return 'none';
  const repeatable = request.temperature === 0 || request.seed !== undefined;
  const withoutPrefix = repeatable ? 'replay' : 'none';
  const declared = target.upstream.takeover?.(target.model);
  const mode = target.takeover ?? (declared === 'prefix' ? declared : withoutPrefix);
  if (mode !== 'prefix') return mode;
  // A prefix carries neither reasoning nor the state of a grammar: there only a replay is exact.
  const insideGrammar = request.responseFormat.type !== 'text';
  const insideReasoning = delivered.text === '' && delivered.reasoning !== '';
  return declared !== undefined && !insideGrammar && !insideReasoning ? 'prefix' : withoutPrefix;
}
