import type { Migration } from '../sql/migrate.ts';

/*
 * The schema of PostgreSQL: `sql/tables.ts` says what each table is for. Texts sort by their bytes, as in SQLite, which also
 * makes their indexes faster.
 */

const text = 'text COLLATE "C"';

const requestColumns = `
  id ${text} NOT NULL, request_id text NOT NULL, key_id ${text} NOT NULL, owner ${text} NOT NULL, end_user ${text},
  tags ${text} NOT NULL, model ${text} NOT NULL, created_at bigint NOT NULL, target ${text},
  prompt_tokens bigint NOT NULL, completion_tokens bigint NOT NULL, cost_micro_usd bigint NOT NULL`;

/** What is reserved of a budget is summed from these indexes alone. */
const reservedColumns = `created_at, reserved_prompt_tokens, reserved_completion_tokens,
  reserved_prompt_micro_usd, reserved_completion_micro_usd`;

export const postgresMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'keys, requests and their sums',
    statements: [
      `CREATE TABLE owners (
        id ${text} PRIMARY KEY, body text NOT NULL, created_at bigint NOT NULL, deleted_at bigint, version bigint NOT NULL
      )`,
      'CREATE INDEX owners_version ON owners (version)',
      `CREATE TABLE api_keys (
        id ${text} PRIMARY KEY, owner ${text} NOT NULL, body text NOT NULL, created_at bigint NOT NULL, revoked_at bigint,
        last_used_at bigint, version bigint NOT NULL
      )`,
      'CREATE INDEX api_keys_version ON api_keys (version)',
      'CREATE INDEX api_keys_owner ON api_keys (owner, created_at, id)',
      'CREATE INDEX api_keys_created ON api_keys (created_at, id)',
      `CREATE TABLE key_hashes (hash ${text} PRIMARY KEY, key_id ${text} NOT NULL)`,
      'CREATE INDEX key_hashes_key ON key_hashes (key_id)',
      `CREATE TABLE once_answers (
        once_key ${text} PRIMARY KEY, fingerprint text NOT NULL, answer text NOT NULL, at bigint NOT NULL
      )`,
      'CREATE INDEX once_answers_at ON once_answers (at)',
      `CREATE TABLE counters (name ${text} PRIMARY KEY, value bigint NOT NULL)`,
      "INSERT INTO counters VALUES ('key_version', 0)",
      `CREATE TABLE secrets (name ${text} PRIMARY KEY, value text NOT NULL)`,
      `CREATE TABLE processes (id ${text} PRIMARY KEY, beat_at bigint NOT NULL)`,
      // Small and always changing: room in each page for the progress of its rows, and a vacuum long before the table is large.
      `CREATE TABLE intents (
        ${requestColumns}, process_id ${text} NOT NULL,
        reserved_prompt_tokens bigint NOT NULL, reserved_completion_tokens bigint NOT NULL,
        reserved_prompt_micro_usd bigint NOT NULL, reserved_completion_micro_usd bigint NOT NULL,
        budgets text NOT NULL, PRIMARY KEY (id)
      ) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,
      `CREATE INDEX intents_key ON intents (key_id, ${reservedColumns})`,
      `CREATE INDEX intents_owner ON intents (owner, ${reservedColumns})`,
      // `replaced_…`: what the record that this one has replaced had added to the daily sums.
      `CREATE TABLE records (
        ${requestColumns}, served_model text NOT NULL, status ${text} NOT NULL, settled_at bigint NOT NULL,
        cached_tokens bigint NOT NULL, cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
        estimated boolean NOT NULL, attempts bigint NOT NULL, attempt_log text NOT NULL, takeovers bigint NOT NULL,
        ttft_ms bigint, duration_ms bigint NOT NULL, presumed boolean NOT NULL,
        replaced_tokens bigint, replaced_micro_usd bigint,
        PRIMARY KEY (created_at, id)
      ) PARTITION BY RANGE (created_at)`,
      'CREATE INDEX records_id ON records (id)',
      'CREATE INDEX records_key ON records (key_id, created_at, id)',
      'CREATE INDEX records_owner ON records (owner, created_at, id)',
      'CREATE INDEX records_model ON records (model, created_at, id)',
      'CREATE INDEX records_user ON records (end_user, created_at, id) WHERE end_user IS NOT NULL',
      "CREATE INDEX records_status ON records (status, created_at, id) WHERE status <> 'completed'",
      "CREATE INDEX records_tags ON records USING gin ((tags::jsonb) jsonb_path_ops) WHERE tags <> '{}'",
      `CREATE TABLE daily_spent (
        scope ${text} NOT NULL, day bigint NOT NULL, tokens bigint NOT NULL, micro_usd bigint NOT NULL,
        PRIMARY KEY (scope, day)
      ) WITH (fillfactor = 60)`,
      // Together these columns may be longer than an index takes.
      `CREATE TABLE retired_usage (
        day bigint NOT NULL, key_id ${text} NOT NULL, owner ${text} NOT NULL, end_user ${text} NOT NULL,
        tags ${text} NOT NULL, model ${text} NOT NULL, target ${text} NOT NULL, requests bigint NOT NULL,
        prompt_tokens bigint NOT NULL, completion_tokens bigint NOT NULL, cached_tokens bigint NOT NULL,
        reasoning_tokens bigint NOT NULL, cost_micro_usd bigint NOT NULL,
        digest text GENERATED ALWAYS AS (
          md5(key_id || E'\\n' || owner || E'\\n' || end_user || E'\\n' || tags || E'\\n' || model || E'\\n' || target)
        ) STORED,
        PRIMARY KEY (day, digest)
      )`,
      `CREATE TABLE outbox (
        sequence bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, id text NOT NULL, type text NOT NULL,
        at bigint NOT NULL, data text NOT NULL
      )`,
      `CREATE TABLE budget_notices (id ${text} PRIMARY KEY)`,
      `CREATE TABLE leases (name ${text} PRIMARY KEY, holder text NOT NULL, expires_at bigint NOT NULL)`,
    ],
  },
  {
    version: 2,
    name: 'retired records of processes thought dead',
    statements: [
      `CREATE TABLE retired_presumed (
        id ${text} PRIMARY KEY, created_at bigint NOT NULL, key_id ${text} NOT NULL, owner ${text} NOT NULL, end_user ${text} NOT NULL,
        tags ${text} NOT NULL, model ${text} NOT NULL, target ${text} NOT NULL, prompt_tokens bigint NOT NULL,
        completion_tokens bigint NOT NULL, cached_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
        cost_micro_usd bigint NOT NULL
      )`,
    ],
  },
  {
    version: 3,
    name: 'discarded intents',
    statements: [
      'ALTER TABLE intents ADD COLUMN discarded_at bigint',
      'CREATE INDEX intents_discarded ON intents (discarded_at) WHERE discarded_at IS NOT NULL',
    ],
  },
  {
    version: 4,
    name: 'times of progress, for the records of killed processes',
    statements: [
      'ALTER TABLE intents ADD COLUMN progress_at bigint',
      'ALTER TABLE intents ADD COLUMN ttft_ms bigint',
    ],
  },
  {
    version: 5,
    name: 'contents of requests',
    statements: [
      `CREATE TABLE contents (id ${text} PRIMARY KEY, created_at bigint NOT NULL, body text NOT NULL)`,
      'CREATE INDEX contents_created ON contents (created_at)',
    ],
  },
];
