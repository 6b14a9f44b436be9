import { isObject } from '../../api/json.ts';

export const statuses = ['open', 'completed', 'failed', 'cut', 'cancelled', 'abandoned'] as const;
export type RequestStatus = (typeof statuses)[number];

/** One call of a target. The members that may be absent are not known of records of earlier versions. */
export interface RequestAttempt {
  readonly target: string;
  readonly outcome: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly estimated: boolean;
  readonly mode: string | undefined;
  readonly code: string | undefined;
  readonly deliveredTokens: number | undefined;
  readonly startedMs: number | undefined;
  readonly durationMs: number | undefined;
}

/** A usage record of the administration (docs/usage.md). */
export interface RequestRecord {
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  readonly owner: string;
  readonly user: string | undefined;
  readonly tags: readonly (readonly [name: string, value: string])[];
  readonly model: string;
  readonly target: string | undefined;
  readonly status: RequestStatus;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  readonly estimated: boolean;
  readonly costMicroUsd: number;
  readonly attempts: number;
  readonly attemptLog: readonly RequestAttempt[];
  readonly takeovers: number;
  readonly ttftMs: number | undefined;
  readonly durationMs: number;
  readonly createdAtMs: number;
}

export interface RecordPage {
  readonly records: readonly RequestRecord[];
  readonly hasMore: boolean;
}

export function readPage(body: unknown): RecordPage {
  const { data, has_more: hasMore } = isObject(body) ? body : {};
  return {
    records: Array.isArray(data) ? data.flatMap((entry: unknown) => readRecord(entry) ?? []) : [],
    hasMore: hasMore === true,
  };
}

/** Undefined where a value is no record. */
export function readRecord(entry: unknown): RequestRecord | undefined {
  if (!isObject(entry) || typeof entry['id'] !== 'string') return undefined;
  const status = statuses.find((one) => one === entry['status']);
  if (status === undefined) return undefined;
  const { attempt_log: log, tags } = entry;
  return {
    id: entry['id'],
    status,
    requestId: text(entry['request_id']) ?? '',
    keyId: text(entry['key_id']) ?? '',
    owner: text(entry['owner']) ?? '',
    user: text(entry['user']),
    tags: isObject(tags) ? Object.entries(tags).map(([name, value]) => [name, String(value)] as const) : [],
    model: text(entry['model']) ?? '',
    target: text(entry['target']),
    promptTokens: figure(entry['prompt_tokens']) ?? 0,
    completionTokens: figure(entry['completion_tokens']) ?? 0,
    cachedTokens: figure(entry['cached_tokens']) ?? 0,
    reasoningTokens: figure(entry['reasoning_tokens']) ?? 0,
    estimated: entry['estimated'] === true,
    costMicroUsd: figure(entry['cost_micro_usd']) ?? 0,
    attempts: figure(entry['attempts']) ?? 0,
    attemptLog: Array.isArray(log) ? log.filter(isObject).map(readAttempt) : [],
    takeovers: figure(entry['takeovers']) ?? 0,
    ttftMs: figure(entry['ttft_ms']),
    durationMs: figure(entry['duration_ms']) ?? 0,
    createdAtMs: Date.parse(text(entry['created_at']) ?? '') || 0,
  };
}

function readAttempt(entry: Readonly<Record<string, unknown>>): RequestAttempt {
  return {
    target: text(entry['target']) ?? '',
    outcome: text(entry['outcome']) ?? '',
    promptTokens: figure(entry['prompt_tokens']) ?? 0,
    completionTokens: figure(entry['completion_tokens']) ?? 0,
    estimated: entry['estimated'] === true,
    mode: text(entry['mode']),
    code: text(entry['code']),
    deliveredTokens: figure(entry['delivered_tokens']),
    startedMs: figure(entry['started_ms']),
    durationMs: figure(entry['duration_ms']),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function figure(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
