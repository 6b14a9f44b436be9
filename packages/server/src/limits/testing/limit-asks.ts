import { randomUUID } from 'node:crypto';
import type { LimitAsk, LimitDecision, LimitLease, LimitScope } from '../contract.ts';

/** A scope that no other test has. */
export function newScope(kind: 'key' | 'owner' = 'key'): string {
  return `${kind}:${randomUUID()}`;
}

/** What a request of the process `p` asks for. */
export function ask(scopes: readonly LimitScope[], promptTokens = 1, completionTokens = 0): LimitAsk {
  return { processId: 'p', scopes, promptTokens, completionTokens };
}

export function allowed(decision: LimitDecision | { readonly type: 'unavailable' }): {
  readonly lease: LimitLease;
  readonly windows: Extract<LimitDecision, { type: 'allowed' }>['windows'];
} {
  if (decision.type !== 'allowed') throw new Error(`not allowed: ${JSON.stringify(decision)}`);
  return decision;
}

export function refused(
  decision: LimitDecision | { readonly type: 'unavailable' },
): Extract<LimitDecision, { type: 'refused' }> {
  if (decision.type !== 'refused') throw new Error(`not refused: ${JSON.stringify(decision)}`);
  return decision;
}
