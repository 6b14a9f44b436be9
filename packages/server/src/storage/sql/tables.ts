/*
 * The tables, the same in SQLite and PostgreSQL. Times are Unix milliseconds, days are counted from 1970-01-01 (UTC), money is
 * in micro-dollars. JSON is text: both databases keep it as it was written.
 *
 *   intents ──settle──▶ records ──retire──▶ retired_usage, retired_presumed
 *                          └── in the same transaction ──▶ daily_spent, outbox
 *
 * An open request is a row of `intents`, which is small and changes all the time (`discarded_at` is that of a row that is none); a settled one is a row of `records`, which is
 * large and only grows. What is reserved of a budget is the sum of its intents, and what is spent is the sum of `daily_spent`:
 * there is no other counter that could differ from them.
 */

export interface OwnerTable {
  id: string;
  /** JSON of everything but the id and the times. */
  body: string;
  created_at: number;
  /** A deleted owner stays, so that other replicas see its deletion. */
  deleted_at: number | null;
  version: number;
}

export interface KeyTable {
  id: string;
  owner: string;
  /** JSON of everything that is in no other column. */
  body: string;
  created_at: number;
  revoked_at: number | null;
  last_used_at: number | null;
  version: number;
}

export interface KeyHashTable {
  hash: string;
  key_id: string;
}

export interface OnceTable {
  once_key: string;
  fingerprint: string;
  /** JSON of a `Written`. */
  answer: string;
  at: number;
}

export interface CounterTable {
  name: string;
  value: number;
}

export interface SecretTable {
  name: string;
  value: string;
}

export interface ProcessTable {
  id: string;
  beat_at: number;
}

/** What intents and records have in common. */
interface RequestColumns {
  id: string;
  request_id: string;
  key_id: string;
  owner: string;
  end_user: string | null;
  tags: string;
  model: string;
  created_at: number;
  target: string | null;
  prompt_tokens: number;
  completion_tokens: number;
  cost_micro_usd: number;
}

export interface IntentTable extends RequestColumns {
  process_id: string;
  reserved_prompt_tokens: number;
  reserved_completion_tokens: number;
  reserved_prompt_micro_usd: number;
  reserved_completion_micro_usd: number;
  /** JSON of `BudgetCheck[]`, for the process that closes the intent. */
  budgets: string;
  /** When the last progress was made; null before the commit. */
  progress_at: number | null;
  ttft_ms: number | null;
}

/**
 * A discarded intent stays for a while as a row that reserves nothing, so that its id is taken: the call that should have stored
 * it may be carried out late, and at the same time as the discard. It is no open request.
 */
export interface StoredIntentTable extends IntentTable {
  /** Absent of an open request. */
  discarded_at: number | null;
}

export interface RecordTable extends RequestColumns {
  served_model: string;
  status: string;
  settled_at: number;
  cached_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  estimated: number | boolean;
  attempts: number;
  attempt_log: string;
  takeovers: number;
  ttft_ms: number | null;
  duration_ms: number;
  /** Made for a process that was thought dead: the true record replaces it. */
  presumed: number | boolean;
}

/** SQLite only, filled by triggers: PostgreSQL has an index over `records.tags`. */
export interface RecordTagTable {
  /** `name=value`; neither side can contain `=`. */
  tag: string;
  created_at: number;
  id: string;
}

export interface DailySpentTable {
  scope: string;
  day: number;
  tokens: number;
  micro_usd: number;
}

/** Sums of records that have been deleted. An absent user or target is `''`. */
export interface RetiredUsageTable {
  day: number;
  key_id: string;
  owner: string;
  end_user: string;
  tags: string;
  model: string;
  target: string;
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  cost_micro_usd: number;
}

/**
 * What retired records that were made for processes thought dead have added to `retired_usage`: the true record of such a
 * request may come later, out of a spool, and takes it back. There are as many as requests that ran when a server was killed.
 */
export interface RetiredPresumedTable extends Omit<RetiredUsageTable, 'day' | 'requests'> {
  id: string;
  created_at: number;
}

export interface OutboxTable {
  sequence: number;
  id: string;
  type: string;
  at: number;
  data: string;
}

/** The budget events that have been made, so that each is made once. */
export interface BudgetNoticeTable {
  id: string;
}

/** What was asked and answered; nothing else refers to it, and it has a retention of its own. */
export interface ContentTable {
  id: string;
  created_at: number;
  /** JSON of a `ContentBody`. */
  body: string;
}

/** Leases of processes; those that have expired stay until the next holder. */
export interface LeaseTable {
  name: string;
  holder: string;
  expires_at: number;
}

export interface VersionTable {
  version: number;
  name: string;
  applied_at: number;
}

export interface Tables {
  owners: OwnerTable;
  api_keys: KeyTable;
  key_hashes: KeyHashTable;
  once_answers: OnceTable;
  counters: CounterTable;
  secrets: SecretTable;
  processes: ProcessTable;
  intents: StoredIntentTable;
  records: RecordTable;
  record_tags: RecordTagTable;
  daily_spent: DailySpentTable;
  retired_usage: RetiredUsageTable;
  retired_presumed: RetiredPresumedTable;
  outbox: OutboxTable;
  budget_notices: BudgetNoticeTable;
  leases: LeaseTable;
  contents: ContentTable;
  tailrace_versions: VersionTable;
}

export const dayMs = 86_400_000;

/**
 * How long a discarded id is taken. It is discarded when the store answers; a call that was given up before waits at most for the
 * end of its statement (10 s), and for packets that its operating system sends again (some minutes). The last thousand stay
 * longer: a clock that leaps must not end the wait.
 */
const rememberedMs = 600_000;
export const rememberedIds = 1_000;

/** Forgets discarded ids; `now`: the clock of the store, as SQL. */
export const forgetDiscardedAt = (
  now: string,
) => `DELETE FROM intents WHERE discarded_at < ${now} - ${rememberedMs}
    AND discarded_at < (
      SELECT discarded_at FROM intents WHERE discarded_at IS NOT NULL
      ORDER BY discarded_at DESC LIMIT 1 OFFSET ${rememberedIds - 1}
    )`;
