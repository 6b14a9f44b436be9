import type { JsonObject } from '../domain/json.ts';
import type { UsageRecord } from './records.ts';

/** A usage record as the administration and the webhook show it (contract, section 8): these members, in this order. */
export function recordJson(record: UsageRecord): JsonObject {
  return {
    id: record.id,
    request_id: record.requestId,
    key_id: record.keyId,
    owner: record.owner,
    user: record.user ?? null,
    tags: record.tags,
    model: record.model,
    target: record.target,
    status: record.status,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
    cached_tokens: record.cachedTokens,
    reasoning_tokens: record.reasoningTokens,
    estimated: record.estimated,
    cost_micro_usd: record.costMicroUsd,
    attempts: record.attempts,
    attempt_log: record.attemptLog.map((attempt) => ({
      target: attempt.target,
      outcome: attempt.outcome,
      prompt_tokens: attempt.prompt_tokens,
      completion_tokens: attempt.completion_tokens,
      estimated: attempt.estimated,
      mode: attempt.mode ?? null,
      code: attempt.code ?? null,
      delivered_tokens: attempt.delivered_tokens ?? null,
      started_ms: attempt.started_ms ?? null,
      duration_ms: attempt.duration_ms ?? null,
    })),
    takeovers: record.takeovers,
    ttft_ms: record.ttftMs ?? null,
    duration_ms: record.durationMs,
    created_at: new Date(record.createdAtMs).toISOString(),
    settled_at: record.settledAtMs === null ? null : new Date(record.settledAtMs).toISOString(),
  };
}
