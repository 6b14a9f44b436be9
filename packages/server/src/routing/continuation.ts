import type { ChatRequest } from '../domain/chat-request.ts';
import type { JsonObject } from '../domain/json.ts';
import { keepSpellings } from '../domain/spellings.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import type { TakeoverMode } from './catalogue.ts';
import {
  createPrefixJoint,
  createReplayJoint,
  createSpentJoint,
  type Delivered,
  type Joint,
} from './delivered.ts';

/** What a target is asked that shall go on with an answer, and what stands at the joint. */
export interface Continuation {
  readonly call: Omit<UpstreamCall, 'model'>;
  readonly joint: Joint;
  /** Tokens that the target counts as prompt and the client as answer. */
  readonly prefixTokens: number;
}

export function continueWith(
  mode: Exclude<TakeoverMode, 'none'>,
  call: Omit<UpstreamCall, 'model'>,
  delivered: Delivered,
): Continuation {
  if (mode === 'replay') {
    return { call, joint: createReplayJoint(delivered, call.request.stop), prefixTokens: 0 };
  }
  return {
    call: { ...call, request: lessTokens(call.request, delivered.tokens), prefix: delivered.text },
    joint: hasItsTokens(call.request, delivered)
      ? createSpentJoint()
      : createPrefixJoint(delivered, call.request.stop),
    prefixTokens: delivered.tokens,
  };
}

/** `max_tokens` counts the answer as a whole: what was delivered is gone from it. No target takes 0. */
function lessTokens(request: ChatRequest, spent: number): ChatRequest {
  if (request.maxTokens === undefined) return request;
  const maxTokens = Math.max(1, request.maxTokens - spent);
  const field =
    typeof request.body['max_completion_tokens'] === 'number' ? 'max_completion_tokens' : 'max_tokens';
  const body: JsonObject = { ...request.body, [field]: maxTokens };
  return { ...request, maxTokens, body: keepSpellings(request.body, body) };
}

/**
 * True when the client has had all the tokens it asked for: there is nothing to go on with. Only where the
 * targets counted them; else a target is asked whether there was more to say.
 */
export function isSpent(request: ChatRequest, delivered: Delivered): boolean {
  return delivered.counted && hasItsTokens(request, delivered);
}

/** As far as is known: where the targets did not count, a delta is taken for a token. */
function hasItsTokens({ maxTokens }: ChatRequest, { tokens }: Delivered): boolean {
  return maxTokens !== undefined && tokens >= maxTokens;
}
