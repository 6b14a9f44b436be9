import type { ChatRequest } from '../domain/chat-request.ts';
import type { UpstreamCall } from '../upstreams/contract.ts';
import type { TakeoverMode } from './catalogue.ts';
import type { Delivered } from './delivered.ts';
import { createFullLengthJoint, createPrefixJoint, createReplayJoint, type Joint } from './joints.ts';
import type { TokenCount } from './token-count.ts';

/** The call that asks a target to continue an answer, and the joint for its events. */
export interface Continuation {
  readonly call: Omit<UpstreamCall, 'model'>;
  readonly joint: Joint;
  /**
   * Tokens of the prefix, as its target counted them, else estimated. The target that continues counts them as prompt tokens,
   * the client as answer tokens. 0 for a replay.
   */
  readonly prefixTokens: number;
}

/** Tokens of the answer that the client has received. */
export type SpentTokens = TokenCount;

/** Builds the call and the joint for a takeover by `mode`. */
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
    call: {
      ...call,
      request: lessTokens(call.request, spent.lowerBound),
      prefix: (call.prefix ?? '') + delivered.text,
    },
    joint: reachesMaxTokens(call.request.maxTokens, spent)
      ? createFullLengthJoint()
      : createPrefixJoint(delivered, call.request.stop),
    prefixTokens: spent.tokens,
  };
}

/** `max_tokens` bounds the whole answer, so the delivered tokens are subtracted. At least 1, because targets refuse 0. */
function lessTokens(request: ChatRequest, spent: number): ChatRequest {
  if (request.maxTokens === undefined) return request;
  return { ...request, maxTokens: Math.max(1, request.maxTokens - spent) };
}

/**
 * Whether the client has received `max_tokens` tokens, by the targets' own counts. False where a target did not count its
 * tokens. Then a takeover asks another target whether the text ends here.
 */
export function hasReachedLength(
  maxTokens: number | undefined,
  spent: Pick<SpentTokens, 'lowerBound' | 'exact'>,
): boolean {
  return spent.exact && reachesMaxTokens(maxTokens, spent);
}

/** By the lower bound: where a target did not count its tokens, each delta is at least one. */
function reachesMaxTokens(
  maxTokens: number | undefined,
  { lowerBound }: Pick<SpentTokens, 'lowerBound'>,
): boolean {
  return maxTokens !== undefined && lowerBound >= maxTokens;
}
