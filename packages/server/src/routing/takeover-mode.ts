import type { ChatRequest } from '../domain/chat-request.ts';
import type { Candidate } from './attempt-plan.ts';
import type { TakeoverMode } from './catalogue.ts';
import type { Delivered } from './delivered.ts';

/**
 * How a candidate could continue the answer delivered so far; `none` where it could not. A configured mode is used. Without
 * one: `prefix` where the upstream declares it; else `replay` where the request is repeatable (temperature 0, or a seed);
 * else `none`. A configured `prefix` is used only where the upstream's `takeover()` returns `prefix` or `if-configured`:
 * another upstream would begin a second answer after the first. Otherwise `replay` or `none` is chosen as above.
 */
export function takeoverMode(
  { target }: Candidate,
  request: ChatRequest,
  delivered: Pick<Delivered, 'text' | 'reasoning' | 'continuable'>,
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
