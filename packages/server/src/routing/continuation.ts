import type { ChatRequest } from '../domain/chat-request.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import type { TakeoverMode } from './catalogue.ts';
import type { Delivered } from './delivered.ts';
import { createFullLengthJoint, createPrefixJoint, createReplayJoint, type Joint } from './joints.ts';
import type { TokenCount } from './token-count.ts';

/** What a target is asked that shall go on with an answer, and what stands at the joint. */
export interface Continuation {
  readonly call: Omit<UpstreamCall, 'model'>;
  readonly joint: Joint;
  /** Tokens that the target counts as prompt and the client as answer. */
  readonly prefixTokens: number;
}

/** Tokens that the client has had for certain. */
export type SpentTokens = Pick<TokenCount, 'lowerBound' | 'exact'>;

export function continueWith(
  mode: Exclude<TakeoverMode, 'none'>,
  call: Omit<UpstreamCall, 'model'>,
  delivered: Delivered,
  spent: SpentTokens,
): Continuation {
  if (mode === 'replay') {
    return { call, joint: createReplayJoint(delivered, call.request.stop), prefixTokens: 0 };
  }
  return {
    call: { ...call, request: lessTokens(call.request, spent.lowerBound), prefix: delivered.text },
    joint: reachesMaxTokens(call.request, spent)
      ? createFullLengthJoint()
      : createPrefixJoint(delivered, call.request.stop),
    prefixTokens: spent.lowerBound,
  };
}

/** `max_tokens` counts the answer as a whole: what was delivered is gone from it. No target takes 0. */
function lessTokens(request: ChatRequest, spent: number): ChatRequest {
  if (request.maxTokens === undefined) return request;
  return { ...request, maxTokens: Math.max(1, request.maxTokens - spent) };
}

/**
 * True when the client has had all the tokens it asked for: there is nothing to go on with. Only where the
 * targets counted them; else a target is asked whether there was more to say.
 */
export function hasReachedLength(request: ChatRequest, spent: SpentTokens): boolean {
  return spent.exact && reachesMaxTokens(request, spent);
}

/** As far as is known: where a target did not count, a delta is one token at least. */
function reachesMaxTokens({ maxTokens }: ChatRequest, { lowerBound }: SpentTokens): boolean {
  return maxTokens !== undefined && lowerBound >= maxTokens;
}
