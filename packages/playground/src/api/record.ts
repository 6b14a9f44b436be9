import type { Connection } from './connection.ts';
import { isObject } from './json.ts';

/** What the server has recorded of a completion, as far as the figures of an answer show it. */
export interface AnswerRecord {
  readonly status: string;
  readonly costMicroUsd: number;
  readonly takeovers: number;
  /** The last one that answered. */
  readonly target: string | undefined;
  readonly attempts: readonly RecordedAttempt[];
}

export interface RecordedAttempt {
  readonly target: string;
  readonly outcome: string;
  /** Why the target was asked; absent in records of earlier versions. */
  readonly mode: string | undefined;
  /** The error by which it failed. */
  readonly code: string | undefined;
}

/** Undefined where there is no record, or this sender may not read it. */
export async function readRecord(
  connection: Connection,
  completionId: string,
): Promise<AnswerRecord | undefined> {
  const asked = await connection.ask(`/admin/v1/requests/${encodeURIComponent(completionId)}`);
  if (!asked.ok) return undefined;
  const body: unknown = await asked.value.json().catch(() => undefined);
  return isObject(body) ? recordIn(body) : undefined;
}

function recordIn(body: Readonly<Record<string, unknown>>): AnswerRecord {
  const { status, cost_micro_usd: cost, takeovers, target, attempt_log: log } = body;
  return {
    status: String(status),
    costMicroUsd: typeof cost === 'number' ? cost : 0,
    takeovers: typeof takeovers === 'number' ? takeovers : 0,
    target: textIn(target),
    attempts: (Array.isArray(log) ? log : []).filter(isObject).map((attempt) => ({
      target: String(attempt['target']),
      outcome: String(attempt['outcome']),
      mode: textIn(attempt['mode']),
      code: textIn(attempt['code']),
    })),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
