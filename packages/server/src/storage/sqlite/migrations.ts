import type { Migration } from '../sql/migrate.ts';

/** The schema of SQLite: `sql/tables.ts` says what each table is for. Its tables are STRICT: a wrong type is an error. */
export const sqliteMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'keys, requests and their sums',
    statements: [
      `CREATE TABLE owners (
        id TEXT PRIMARY KEY, body TEXT NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER, version INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX owners_version ON owners (version)',
      `CREATE TABLE api_keys (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER,
        last_used_at INTEGER, version INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX api_keys_version ON api_keys (version)',
      'CREATE INDEX api_keys_owner ON api_keys (owner, created_at, id)',
      'CREATE INDEX api_keys_created ON api_keys (created_at, id)',
      'CREATE TABLE key_hashes (hash TEXT PRIMARY KEY, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID',
      'CREATE INDEX key_hashes_key ON key_hashes (key_id)',
      `CREATE TABLE once_answers (
        once_key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX once_answers_at ON once_answers (at)',
      'CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID',
      "INSERT INTO counters VALUES ('key_version', 0)",
      'CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID',
      'CREATE TABLE processes (id TEXT PRIMARY KEY, beat_at INTEGER NOT NULL) STRICT, WITHOUT ROWID',
      `CREATE TABLE intents (
        id TEXT PRIMARY KEY, request_id TEXT NOT NULL, key_id TEXT NOT NULL, owner TEXT NOT NULL, end_user TEXT,
        tags TEXT NOT NULL, model TEXT NOT NULL, created_at INTEGER NOT NULL, target TEXT,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
        process_id TEXT NOT NULL,
        reserved_prompt_tokens INTEGER NOT NULL, reserved_completion_tokens INTEGER NOT NULL,
        reserved_prompt_micro_usd INTEGER NOT NULL, reserved_completion_micro_usd INTEGER NOT NULL,
        budgets TEXT NOT NULL
      ) STRICT`,
      // What is reserved of a budget is summed from these indexes alone.
      `CREATE INDEX intents_key ON intents (key_id, created_at, reserved_prompt_tokens, reserved_completion_tokens,
        reserved_prompt_micro_usd, reserved_completion_micro_usd)`,
      `CREATE INDEX intents_owner ON intents (owner, created_at, reserved_prompt_tokens, reserved_completion_tokens,
        reserved_prompt_micro_usd, reserved_completion_micro_usd)`,
      `CREATE TABLE records (
        id TEXT NOT NULL, request_id TEXT NOT NULL, key_id TEXT NOT NULL, owner TEXT NOT NULL, end_user TEXT,
        tags TEXT NOT NULL, model TEXT NOT NULL, created_at INTEGER NOT NULL, target TEXT,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
        served_model TEXT NOT NULL, status TEXT NOT NULL, settled_at INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        estimated INTEGER NOT NULL, attempts INTEGER NOT NULL, attempt_log TEXT NOT NULL, takeovers INTEGER NOT NULL,
        ttft_ms INTEGER, duration_ms INTEGER NOT NULL, presumed INTEGER NOT NULL,
        PRIMARY KEY (created_at, id)
      ) STRICT`,
      'CREATE INDEX records_id ON records (id)',
      'CREATE INDEX records_key ON records (key_id, created_at)',
      'CREATE INDEX records_owner ON records (owner, created_at)',
      'CREATE INDEX records_model ON records (model, created_at)',
      'CREATE INDEX records_user ON records (end_user, created_at) WHERE end_user IS NOT NULL',
      "CREATE INDEX records_status ON records (status, created_at) WHERE status <> 'completed'",
      `CREATE TABLE record_tags (
        tag TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tag, created_at, id)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TRIGGER records_inserted AFTER INSERT ON records WHEN new.tags <> '{}' BEGIN
        INSERT INTO record_tags SELECT key || '=' || value, new.created_at, new.id FROM json_each(new.tags);
      END`,
      `CREATE TRIGGER records_deleted AFTER DELETE ON records WHEN old.tags <> '{}' BEGIN
        DELETE FROM record_tags WHERE created_at = old.created_at AND id = old.id
          AND tag IN (SELECT key || '=' || value FROM json_each(old.tags));
      END`,
      `CREATE TABLE daily_spent (
        scope TEXT NOT NULL, day INTEGER NOT NULL, tokens INTEGER NOT NULL, micro_usd INTEGER NOT NULL,
        PRIMARY KEY (scope, day)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE retired_usage (
        day INTEGER NOT NULL, key_id TEXT NOT NULL, owner TEXT NOT NULL, end_user TEXT NOT NULL, tags TEXT NOT NULL,
        model TEXT NOT NULL, target TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_micro_usd INTEGER NOT NULL, PRIMARY KEY (day, key_id, owner, end_user, tags, model, target)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
        data TEXT NOT NULL
      ) STRICT`,
      'CREATE TABLE budget_notices (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
      `CREATE TABLE leases (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 2,
    name: 'records without an index of their models',
    // A service has few models: those of one are found soon in the order of time, and each record costs one index less.
    statements: ['DROP INDEX records_model'],
  },
  {
    version: 3,
    name: 'retired records of processes thought dead',
    statements: [
      `CREATE TABLE retired_presumed (
        id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, key_id TEXT NOT NULL, owner TEXT NOT NULL, end_user TEXT NOT NULL,
        tags TEXT NOT NULL, model TEXT NOT NULL, target TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_micro_usd INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 4,
    name: 'discarded intents',
    statements: [
      'ALTER TABLE intents ADD COLUMN discarded_at INTEGER',
      'CREATE INDEX intents_discarded ON intents (discarded_at) WHERE discarded_at IS NOT NULL',
    ],
  },
  {
    version: 5,
    name: 'times of progress, for the records of killed processes',
    statements: [
      'ALTER TABLE intents ADD COLUMN progress_at INTEGER',
      'ALTER TABLE intents ADD COLUMN ttft_ms INTEGER',
    ],
  },
  {
    version: 6,
    name: 'contents of requests',
    statements: [
      // Not `WITHOUT ROWID`: its rows are large.
      'CREATE TABLE contents (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT',
      'CREATE INDEX contents_created ON contents (created_at)',
    ],
  },
];
