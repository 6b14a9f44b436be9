import type { AttemptEntry, BudgetCheck, Intent, Progress, Settled, UsageRecord } from '../records.ts';
import { readBoolean, readTags, storableNumber, storableTags, storableText } from './storable.ts';
import type { IntentTable, RecordTable } from './tables.ts';

export const intentColumns = [
  'id',
  'request_id',
  'key_id',
  'owner',
  'end_user',
  'tags',
  'model',
  'created_at',
  'target',
  'prompt_tokens',
  'completion_tokens',
  'cost_micro_usd',
  'process_id',
  'reserved_prompt_tokens',
  'reserved_completion_tokens',
  'reserved_prompt_micro_usd',
  'reserved_completion_micro_usd',
  'budgets',
] as const satisfies readonly (keyof IntentTable)[];

/** Null in a new intent, and absent in exports of earlier versions. */
export const progressColumns = ['progress_at', 'ttft_ms'] as const satisfies readonly (keyof IntentTable)[];

export const recordColumns = [
  'id',
  'request_id',
  'key_id',
  'owner',
  'end_user',
  'tags',
  'model',
  'created_at',
  'target',
  'prompt_tokens',
  'completion_tokens',
  'cost_micro_usd',
  'served_model',
  'status',
  'settled_at',
  'cached_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'estimated',
  'attempts',
  'attempt_log',
  'takeovers',
  'ttft_ms',
  'duration_ms',
  'presumed',
] as const satisfies readonly (keyof RecordTable)[];

/** The row of an intent: nothing has been delivered yet. */
export function intentRow(intent: Intent): IntentTable {
  const { reserved } = intent;
  return {
    ...requestColumns(intent),
    target: null,
    prompt_tokens: 0,
    completion_tokens: 0,
    cost_micro_usd: 0,
    process_id: intent.processId,
    reserved_prompt_tokens: storableNumber(reserved.promptTokens),
    reserved_completion_tokens: storableNumber(reserved.completionTokens),
    reserved_prompt_micro_usd: storableNumber(reserved.promptMicroUsd),
    reserved_completion_micro_usd: storableNumber(reserved.completionMicroUsd),
    budgets: intent.budgets.length === 0 ? '[]' : JSON.stringify(intent.budgets),
    progress_at: null,
    ttft_ms: null,
  };
}

/** The row of a settled record. */
export function recordRow(record: Settled): RecordTable {
  return {
    ...requestColumns(record),
    target: storableText(record.target),
    prompt_tokens: storableNumber(record.promptTokens),
    completion_tokens: storableNumber(record.completionTokens),
    cost_micro_usd: storableNumber(record.costMicroUsd),
    served_model: storableText(record.servedModel),
    status: record.status,
    settled_at: storableNumber(record.settledAtMs),
    cached_tokens: storableNumber(record.cachedTokens),
    cache_write_tokens: storableNumber(record.cacheWriteTokens),
    reasoning_tokens: storableNumber(record.reasoningTokens),
    estimated: record.estimated,
    attempts: storableNumber(record.attempts),
    attempt_log: JSON.stringify(record.attemptLog),
    takeovers: storableNumber(record.takeovers),
    ttft_ms: record.ttftMs === undefined ? null : storableNumber(record.ttftMs),
    duration_ms: storableNumber(record.durationMs),
    presumed: false,
  };
}

/**
 * The record of an intent whose process has ended: what its last progress says was delivered, or nothing. It lasted at least
 * until the last sign of life: that progress, or the last beat of its process.
 */
export function presumedRow(
  intent: IntentTable,
  options: { readonly nowMs: number; readonly lastBeatMs: number | null },
): RecordTable {
  const status = intent.completion_tokens > 0 ? 'cut' : 'abandoned';
  const attempt: AttemptEntry | undefined =
    intent.target === null
      ? undefined
      : {
          target: intent.target,
          outcome: status,
          prompt_tokens: intent.prompt_tokens,
          completion_tokens: intent.completion_tokens,
          estimated: true,
        };
  return {
    id: intent.id,
    request_id: intent.request_id,
    key_id: intent.key_id,
    owner: intent.owner,
    end_user: intent.end_user,
    tags: intent.tags,
    model: intent.model,
    created_at: intent.created_at,
    target: intent.target,
    prompt_tokens: intent.prompt_tokens,
    completion_tokens: intent.completion_tokens,
    cost_micro_usd: intent.cost_micro_usd,
    served_model: intent.model,
    status,
    settled_at: options.nowMs,
    cached_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    estimated: true,
    attempts: attempt === undefined ? 0 : 1,
    attempt_log: JSON.stringify(attempt === undefined ? [] : [attempt]),
    takeovers: 0,
    ttft_ms: intent.ttft_ms,
    duration_ms: Math.max(
      0,
      (options.lastBeatMs ?? 0) - intent.created_at,
      (intent.progress_at ?? 0) - intent.created_at,
    ),
    presumed: true,
  };
}

/** What the intent of a row knows after this progress; the names are those of its columns. */
export function progressRow(mark: Progress) {
  const { atMs, ttftMs } = mark;
  return {
    id: mark.id,
    target: storableText(mark.target),
    prompt_tokens: storableNumber(mark.promptTokens),
    completion_tokens: storableNumber(mark.completionTokens),
    cost_micro_usd: storableNumber(mark.costMicroUsd),
    progress_at: atMs === undefined ? null : storableNumber(atMs),
    ttft_ms: ttftMs === undefined ? null : storableNumber(ttftMs),
  };
}

/** A row of `records` as the administration shows it. */
export function readRecord(row: RecordTable): UsageRecord {
  return {
    ...readRequest(row),
    servedModel: row.served_model,
    status: row.status as UsageRecord['status'],
    settledAtMs: row.settled_at,
    cachedTokens: row.cached_tokens,
    cacheWriteTokens: row.cache_write_tokens,
    reasoningTokens: row.reasoning_tokens,
    estimated: readBoolean(row.estimated),
    attempts: row.attempts,
    attemptLog: JSON.parse(row.attempt_log) as AttemptEntry[],
    takeovers: row.takeovers,
    ...(row.ttft_ms === null ? {} : { ttftMs: row.ttft_ms }),
    durationMs: row.duration_ms,
  };
}

/** A row of `intents` as the administration shows it. Its duration is that until `nowMs`. */
export function readOpenRecord(row: IntentTable, nowMs: number): UsageRecord {
  return {
    ...readRequest(row),
    servedModel: row.model,
    status: 'open',
    settledAtMs: null,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    estimated: true,
    attempts: row.target === null ? 0 : 1,
    attemptLog: [],
    takeovers: 0,
    ...(row.ttft_ms === null ? {} : { ttftMs: row.ttft_ms }),
    durationMs: Math.max(0, nowMs - row.created_at),
  };
}

export function readBudgets(row: Pick<IntentTable, 'budgets'>): readonly BudgetCheck[] {
  return row.budgets === '[]' ? [] : (JSON.parse(row.budgets) as BudgetCheck[]);
}

function requestColumns(request: Omit<Intent, 'reserved' | 'processId'>) {
  return {
    id: request.id,
    request_id: request.requestId,
    key_id: request.keyId,
    owner: request.owner,
    end_user: request.user === undefined || request.user === '' ? null : storableText(request.user),
    tags: storableTags(request.tags),
    model: storableText(request.model),
    created_at: storableNumber(request.createdAtMs),
  };
}

function readRequest(row: IntentTable | RecordTable) {
  return {
    id: row.id,
    requestId: row.request_id,
    keyId: row.key_id,
    owner: row.owner,
    ...(row.end_user === null ? {} : { user: row.end_user }),
    tags: readTags(row.tags),
    model: row.model,
    createdAtMs: row.created_at,
    target: row.target,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    costMicroUsd: row.cost_micro_usd,
  };
}
