import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BudgetCheck, Settled } from '../storage/contract.ts';
import { openStore } from '../storage/open-store.ts';
import type { OpenedStore } from '../storage/opening.ts';
import { createWebhook } from './webhook.ts';
import type { WebhookPost } from './webhook-post.ts';

const budget: BudgetCheck = {
  scope: 'owner:acme',
  unit: 'tokens',
  period: 'day',
  sinceMs: Date.parse('2026-11-28T00:00:00Z'),
  limit: 1_000,
};

function settled(index: number, tokens: number): Settled {
  const createdAtMs = budget.sinceMs + index * 1_000;
  return {
    id: `chatcmpl-${index}`,
    requestId: `req_${index}`,
    keyId: 'key_a',
    owner: 'acme',
    tags: { team: 'blue' },
    model: 'chat',
    createdAtMs,
    budgets: [budget],
    servedModel: 'chat',
    target: 'lab/llama',
    status: 'completed',
    promptTokens: 0,
    completionTokens: tokens,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    estimated: false,
    costMicroUsd: 1,
    attempts: 1,
    attemptLog: [],
    takeovers: 0,
    durationMs: 10,
    settledAtMs: createdAtMs + 10,
  };
}

let folder: string;
let store: OpenedStore;
let clockMs = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-webhook-'));
  clockMs = budget.sinceMs;
  const opened = await openStore({ dataDir: folder, now: () => clockMs, outbox: true });
  if (!opened.ok) throw new Error(opened.message);
  store = opened.store;
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

it('each settled record leaves once, with the id of the record, and a budget at 80 and at 100 %', async () => {
  for (const [index, tokens] of [500, 299, 1, 100, 100, 100].entries()) {
    await store.settle([settled(index, tokens)]);
    // A repetition of a write makes no second event.
    await store.settle([settled(index, tokens)]);
  }
  const posts: WebhookPost[] = [];
  const webhook = createWebhook({
    store,
    holder: 'one',
    source: 'tailrace',
    post: async (one) => {
      posts.push(one);
      return { type: 'taken' };
    },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    now: () => clockMs,
    monotonic: () => performance.now(),
    random: () => 0,
    wait: (_ms, signal) => delay(2, undefined, { signal }).catch(() => {}),
  });
  while ((await store.outbox(1)).length > 0) await delay(5);
  await webhook.close();
  const events = posts.map(({ body }) => JSON.parse(body));
  expect(events.map(({ type, id, data }) => [type, data.percent ?? id])).toEqual([
    ['tailrace.usage.record', 'chatcmpl-0'],
    ['tailrace.usage.record', 'chatcmpl-1'],
    ['tailrace.usage.record', 'chatcmpl-2'],
    ['tailrace.budget.threshold', 80],
    ['tailrace.usage.record', 'chatcmpl-3'],
    ['tailrace.usage.record', 'chatcmpl-4'],
    ['tailrace.budget.threshold', 100],
    ['tailrace.usage.record', 'chatcmpl-5'],
  ]);
  expect(events[0].data).toMatchObject({ id: 'chatcmpl-0', completion_tokens: 500, status: 'completed' });
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});
