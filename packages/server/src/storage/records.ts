import type { Listed } from './contract.ts';
import type { Budget, BudgetUnit } from './keys.ts';

/** Who or what a limit or a budget belongs to: `key:` or `owner:` and the id. */
export type Scope = `key:${string}` | `owner:${string}`;

/** A budget that an intent must fit into. */
export interface BudgetCheck {
  readonly scope: Scope;
  readonly unit: BudgetUnit;
  readonly period: Budget['period'];
  /** The beginning of the period; 0: since ever. */
  readonly sinceMs: number;
  /** Tokens, or micro-dollars. */
  readonly limit: number;
}

/** What a request may use, in both units. Micro-dollars are 0 where no budget is in dollars. */
export interface Reservation {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly promptMicroUsd: number;
  readonly completionMicroUsd: number;
}

/** A request that is about to call its first target. */
export interface Intent {
  /** The id of the completion. */
  readonly id: string;
  readonly requestId: string;
  readonly keyId: string;
  readonly owner: string;
  readonly user?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The id that the client asked for. */
  readonly model: string;
  readonly createdAtMs: number;
  /** The process that runs it; its beat keeps the intent open. */
  readonly processId: string;
  readonly reserved: Reservation;
  readonly budgets: readonly BudgetCheck[];
}

/** `spent`: the budget is used up. `reserved`: only the reservations of other requests leave no room. */
export type Admitted =
  | { readonly ok: true; readonly reserved: Reservation }
  | { readonly ok: false; readonly why: 'spent' | 'reserved'; readonly budget: BudgetCheck };

/** What of a running answer has been delivered. */
export interface Progress {
  readonly id: string;
  readonly createdAtMs: number;
  readonly target: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costMicroUsd: number;
  /** When this was so, in Unix milliseconds. Absent in a spool of an earlier version, as is the next one. */
  readonly atMs?: number;
  /** Milliseconds from the admission of the request to its commit. */
  readonly ttftMs?: number;
}

/** A budget that has refused a request because it is spent. */
export interface RefusedBudget {
  readonly budget: BudgetCheck;
  /** When the request came, in Unix milliseconds. */
  readonly atMs: number;
}

export type RecordStatus = 'open' | 'completed' | 'failed' | 'cut' | 'cancelled' | 'abandoned';

/** The end of a request, with everything that its intent has: it can be stored where the intent is missing. */
export interface Settled extends Omit<Intent, 'reserved' | 'processId'> {
  /** The model that the answer named: after a failover that of the fallback. */
  readonly servedModel: string;
  /** The target that answered last: after a takeover the one that took over. Else the one that was asked last. */
  readonly target: string;
  readonly status: Exclude<RecordStatus, 'open'>;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly estimated: boolean;
  readonly costMicroUsd: number;
  readonly attempts: number;
  readonly attemptLog: readonly AttemptEntry[];
  readonly takeovers: number;
  readonly ttftMs?: number;
  readonly durationMs: number;
  readonly settledAtMs: number;
}

/** One attempt in a record, as contract section 5 shows it. */
export interface AttemptEntry {
  readonly target: string;
  readonly outcome: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly estimated: boolean;
  /** Why it was made. The rest is absent in records of earlier versions, and of a request whose server was killed. */
  readonly mode?: 'first' | 'hedge' | 'prefix' | 'replay';
  /** Why it failed; absent where it has not. */
  readonly code?: string;
  /** Tokens of it that the client has received. */
  readonly delivered_tokens?: number;
  /** Milliseconds from the admission of the request to the call of the target, and from there to the end of the attempt. */
  readonly started_ms?: number;
  readonly duration_ms?: number;
}

/** A usage record as the administration shows it; an open one has the figures of its last progress. */
export interface UsageRecord extends Omit<Settled, 'status' | 'settledAtMs' | 'target' | 'budgets'> {
  readonly status: RecordStatus;
  readonly target: string | null;
  readonly settledAtMs: number | null;
}

/** Only records that fit all given members. `sinceMs` is included, `untilMs` is not; both are of `createdAtMs`. */
export interface RecordFilter {
  readonly keyId?: string;
  readonly owner?: string;
  readonly user?: string;
  readonly model?: string;
  readonly tag?: { readonly name: string; readonly value: string };
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface RecordQuery extends RecordFilter {
  readonly id?: string;
  readonly status?: RecordStatus;
}

/** Newest first. */
export type RecordPage = Listed<UsageRecord>;

export type UsageGroup = 'key' | 'owner' | 'user' | `tag:${string}` | 'model' | 'target' | 'day' | 'hour';

/** The most rows of one answer of usage: their way between two threads takes 40 ms. */
export const mostUsageRows = 50_000;

/** Sums of the settled records, those of retired days included (but for groups by hour). */
export interface UsageQuery extends RecordFilter {
  readonly groupBy: readonly UsageGroup[];
}

export interface UsageRow {
  /** By the group's name in the answer: `key_id`, `owner`, `user`, `tag:NAME`, `model`, `target`, `day` (2026-11-28), `hour`. */
  readonly group: Readonly<Record<string, string | null>>;
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  readonly costMicroUsd: number;
}

export interface Spent {
  readonly spentTokens: number;
  readonly spentMicroUsd: number;
  readonly reservedTokens: number;
  readonly reservedMicroUsd: number;
}
