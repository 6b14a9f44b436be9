import type { ChatRequest } from '../domain/chat-request.ts';
import type { Candidate } from './attempt-plan.ts';
import type { TakeoverMode } from './catalogue.ts';
import type { Delivered } from './delivered.ts';

/**
 * How a candidate could go on with the answer so far; `none` where it could not. What is configured decides,
 * else what the upstream declares, else a replay where the request repeats itself (temperature 0 or a seed).
 * A prefix is only asked of an upstream that declares it, or of a server that only the operator knows, by the
 * operator's word: any other would begin a new answer behind the old one.
 */
export function takeoverMode(
  { target }: Candidate,
  request: ChatRequest,
  delivered: Delivered,
): TakeoverMode {
  if (request.n > 1 || !delivered.continuable) return 'none';
  const repeatable = request.temperature === 0 || request.seed !== undefined;
  const otherwise = repeatable ? 'replay' : 'none';
  const declared = target.upstream.takeover?.(target.model);
  const mode = target.takeover ?? (declared === 'prefix' ? declared : otherwise);
  if (mode !== 'prefix') return mode;
  // A prefix cannot hand over thoughts, nor the state of a grammar: there only a replay is exact.
  const insideGrammar = request.responseFormat.type !== 'text';
  const insideReasoning = delivered.text === '' && delivered.reasoning !== '';
  return declared !== undefined && !insideGrammar && !insideReasoning ? 'prefix' : otherwise;
}
