import type { Change, StoredKey } from '../keys.ts';
import type { BudgetCheck, Intent, Scope, Settled } from '../records.ts';

/** 2026-11-28, 10:00 UTC. */
export const morning = Date.UTC(2026, 10, 28, 10);
export const midnight = Date.UTC(2026, 10, 28);

export function someIntent(id: string, more: Partial<Intent> = {}): Intent {
  return {
    id,
    requestId: `req_${id}`,
    keyId: 'key_a',
    owner: 'acme',
    tags: {},
    model: 'acme/chat',
    createdAtMs: morning,
    processId: 'process_1',
    reserved: { promptTokens: 10, completionTokens: 40, promptMicroUsd: 0, completionMicroUsd: 0 },
    budgets: [],
    ...more,
  };
}

/** The completed record of an intent: 12 tokens of prompt, 30 of completion, 500 micro-dollars. */
export function someRecord(id: string, more: Partial<Settled> = {}): Settled {
  const { reserved: _, processId: __, ...intent } = someIntent(id);
  return {
    ...intent,
    servedModel: 'acme/chat',
    target: 'lab/llama',
    status: 'completed',
    promptTokens: 12,
    completionTokens: 30,
    cachedTokens: 4,
    cacheWriteTokens: 2,
    reasoningTokens: 5,
    estimated: false,
    costMicroUsd: 500,
    attempts: 1,
    attemptLog: [
      {
        target: 'lab/llama',
        outcome: 'completed',
        prompt_tokens: 12,
        completion_tokens: 30,
        estimated: false,
      },
    ],
    takeovers: 0,
    ttftMs: 120,
    durationMs: 900,
    settledAtMs: more.createdAtMs === undefined ? morning + 900 : more.createdAtMs + 900,
    ...more,
  };
}

export function tokensOf(scope: Scope, limit: number): BudgetCheck {
  return { scope, unit: 'tokens', period: 'day', sinceMs: midnight, limit };
}

export function dollarsOf(scope: Scope, limit: number): BudgetCheck {
  return { scope, unit: 'usd', period: 'day', sinceMs: midnight, limit };
}

export function someKey(id: string, more: Partial<StoredKey> = {}): StoredKey {
  return {
    id,
    owner: 'acme',
    prefix: `tr_${id}`,
    hashes: [{ hash: `hash-of-${id}` }],
    createdAtMs: morning,
    ...more,
  };
}

export function creation(key: StoredKey): Change {
  return { type: 'create-key', key, atMs: key.createdAtMs };
}
