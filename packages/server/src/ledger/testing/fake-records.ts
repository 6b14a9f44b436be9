import type { Intent, Settled } from '../../storage/contract.ts';

/** An intent without budgets. */
export function fakeIntent(id: string, more: Partial<Intent> = {}): Intent {
  return {
    id,
    requestId: `req_${id}`,
    keyId: 'key_a',
    owner: 'default',
    tags: {},
    model: 'm',
    createdAtMs: 1_764_300_000_000,
    processId: 'proc_a',
    reserved: { promptTokens: 10, completionTokens: 20, promptMicroUsd: 0, completionMicroUsd: 0 },
    budgets: [],
    ...more,
  };
}

/** The completed record of an intent: 10 and 5 tokens, 3 micro-dollars. */
export function fakeSettled(
  intent: Omit<Intent, 'processId' | 'reserved'>,
  more: Partial<Settled> = {},
): Settled {
  const { id, requestId, keyId, owner, tags, model, createdAtMs, budgets } = intent;
  return {
    ...{ id, requestId, keyId, owner, tags, model, createdAtMs, budgets },
    ...(intent.user === undefined ? {} : { user: intent.user }),
    servedModel: model,
    target: `lab/${model}`,
    status: 'completed',
    promptTokens: 10,
    completionTokens: 5,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    estimated: false,
    costMicroUsd: 3,
    attempts: 1,
    attemptLog: [],
    takeovers: 0,
    durationMs: 100,
    settledAtMs: createdAtMs + 100,
    ...more,
  };
}
