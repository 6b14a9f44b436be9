import { selectWaitingEvents } from '../sql/events.ts';
import { intentColumns, progressColumns, recordColumns } from '../sql/request-row.ts';
import { dayMs, forgetDiscardedAt } from '../sql/tables.ts';
import type { Statement } from './pool.ts';

/*
 * The statements of every request. Each takes a whole batch as one JSON text, so that a batch of any size is one round trip and
 * one prepared statement. Where a statement changes several tables it needs no transaction around it.
 */

const numbers = new Set<string>([
  'created_at',
  'prompt_tokens',
  'completion_tokens',
  'cost_micro_usd',
  'reserved_prompt_tokens',
  'reserved_completion_tokens',
  'reserved_prompt_micro_usd',
  'reserved_completion_micro_usd',
  'settled_at',
  'cached_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'attempts',
  'takeovers',
  'progress_at',
  'ttft_ms',
  'duration_ms',
]);
const booleans = new Set<string>(['estimated', 'presumed']);

function typed(columns: readonly string[]): string {
  const typeOf = (column: string) =>
    numbers.has(column) ? 'bigint' : booleans.has(column) ? 'boolean' : 'text';
  return columns.map((column) => `${column} ${typeOf(column)}`).join(', ');
}

const list = (columns: readonly string[], prefix = '') =>
  columns.map((column) => `${prefix}${column}`).join(', ');

/** The server's clock in Unix milliseconds. */
export const serverNow = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** The lateral join makes one look-up of each intent, whatever the planner thinks of the size of `records`. */
const notSettled = `LEFT JOIN LATERAL (
    SELECT true AS settled FROM records WHERE records.created_at = r.created_at AND records.id = r.id LIMIT 1
  ) AS found ON true WHERE settled IS NULL`;

export const insertIntents: Statement = {
  name: 'insert_intents',
  text: `INSERT INTO intents (${list(intentColumns)})
    SELECT ${list(intentColumns, 'r.')} FROM json_to_recordset($1) AS r(${typed(intentColumns)}) ${notSettled}
    ON CONFLICT (id) DO NOTHING`,
};

/** Those of a batch that are stored already: open ones with their reservation. */
export const findStored: Statement = {
  name: 'find_stored',
  text: `SELECT r.id, reserved_prompt_tokens, reserved_completion_tokens, reserved_prompt_micro_usd,
      reserved_completion_micro_usd, settled
    FROM json_to_recordset($1) AS r(id text, created_at bigint)
    LEFT JOIN intents ON intents.id = r.id
    LEFT JOIN LATERAL (
      SELECT true AS settled FROM records WHERE records.created_at = r.created_at AND records.id = r.id LIMIT 1
    ) AS found ON true
    WHERE intents.id IS NOT NULL OR settled`,
};

/** What is spent and reserved of budgets; `place` is that in the list. */
export const readBudgets: Statement = {
  name: 'read_budgets',
  text: `SELECT place, spent.tokens AS spent_tokens, spent.micro_usd AS spent_micro_usd,
      reserved.tokens AS reserved_tokens, reserved.micro_usd AS reserved_micro_usd
    FROM json_to_recordset($1) AS b(place bigint, scope text, kind text, id text, since bigint, day bigint)
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(micro_usd), 0)::bigint AS micro_usd
      FROM daily_spent WHERE daily_spent.scope = b.scope AND daily_spent.day >= b.day
    ) AS spent
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(reserved_prompt_tokens + reserved_completion_tokens), 0)::bigint AS tokens,
        coalesce(sum(reserved_prompt_micro_usd + reserved_completion_micro_usd), 0)::bigint AS micro_usd
      FROM (
        SELECT * FROM intents WHERE b.kind = 'key' AND key_id = b.id AND created_at >= b.since
        UNION ALL
        SELECT * FROM intents WHERE b.kind = 'owner' AND owner = b.id AND created_at >= b.since
      ) AS open
    ) AS reserved
    ORDER BY place`,
};

export const updateProgress: Statement = {
  name: 'update_progress',
  text: `UPDATE intents SET target = r.target, prompt_tokens = r.prompt_tokens,
      completion_tokens = r.completion_tokens, cost_micro_usd = r.cost_micro_usd, progress_at = r.progress_at,
      ttft_ms = r.ttft_ms
    FROM json_to_recordset($1)
      AS r(${typed(['id', 'target', 'prompt_tokens', 'completion_tokens', 'cost_micro_usd', ...progressColumns])})
    WHERE intents.id = r.id`,
};

/** What a change of records adds to the daily sums, in one order, so that two of them cannot wait for each other. */
const addSums = (changes: string) => `INSERT INTO daily_spent (scope, day, tokens, micro_usd)
    SELECT scope COLLATE "C", created_at / ${dayMs}, sum(tokens), sum(micro_usd)
    FROM ${changes} CROSS JOIN LATERAL (VALUES ('key:' || key_id), ('owner:' || owner)) AS scopes(scope)
    WHERE tokens <> 0 OR micro_usd <> 0
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (scope, day) DO UPDATE
      SET tokens = daily_spent.tokens + excluded.tokens, micro_usd = daily_spent.micro_usd + excluded.micro_usd`;

const replaceable = recordColumns.filter((column) => column !== 'id' && column !== 'created_at');

/** Takes what retired records of processes thought dead have added to the sums of retired days; `ids`: a query. */
const unretire = (ids: string) => `unretired AS (
      DELETE FROM retired_presumed WHERE id IN (${ids}) RETURNING *
    ), lessened AS (
      UPDATE retired_usage AS old SET requests = old.requests - less.requests,
        prompt_tokens = old.prompt_tokens - less.prompt_tokens,
        completion_tokens = old.completion_tokens - less.completion_tokens,
        cached_tokens = old.cached_tokens - less.cached_tokens,
        reasoning_tokens = old.reasoning_tokens - less.reasoning_tokens,
        cost_micro_usd = old.cost_micro_usd - less.cost_micro_usd
      FROM (
        SELECT created_at / ${dayMs} AS day, key_id, owner, end_user, tags, model, target, count(*) AS requests,
          sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
          sum(cached_tokens) AS cached_tokens, sum(reasoning_tokens) AS reasoning_tokens,
          sum(cost_micro_usd) AS cost_micro_usd
        FROM unretired GROUP BY 1, 2, 3, 4, 5, 6, 7
      ) AS less
      WHERE (old.day, old.key_id, old.owner, old.end_user, old.tags, old.model, old.target)
        = (less.day, less.key_id, less.owner, less.end_user, less.tags, less.model, less.target)
    )`;

/** What the removal of records takes from the daily sums. */
const removedSums = `key_id, owner, created_at, -(prompt_tokens + completion_tokens) AS tokens,
      -cost_micro_usd AS micro_usd`;

/**
 * Settles a batch, in which each id is once; the answer has the records that were not settled before. A record that was made for
 * a process thought dead is replaced by its true one, and remembers what it had added to the sums; where it is retired, the
 * sums of its day lose it.
 */
export const settleRecords: Statement = {
  name: 'settle_records',
  text: `WITH input AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1) AS r(${typed(recordColumns)})
    ), closed AS (
      DELETE FROM intents WHERE id IN (SELECT id FROM input)
    ), ${unretire('SELECT id FROM input WHERE NOT presumed')}, stored AS (
      INSERT INTO records AS old (${list(recordColumns)})
      SELECT ${list(recordColumns)} FROM input
      WHERE NOT (presumed AND EXISTS (SELECT FROM retired_presumed WHERE retired_presumed.id = input.id))
      ORDER BY created_at, id
      ON CONFLICT (created_at, id) DO UPDATE SET
        ${replaceable.map((column) => `${column} = excluded.${column}`).join(', ')},
        replaced_tokens = old.prompt_tokens + old.completion_tokens, replaced_micro_usd = old.cost_micro_usd
      WHERE old.presumed AND NOT excluded.presumed
      RETURNING id, key_id, owner, created_at, replaced_tokens IS NOT NULL AS corrected,
        prompt_tokens + completion_tokens - coalesce(replaced_tokens, 0) AS tokens,
        cost_micro_usd - coalesce(replaced_micro_usd, 0) AS micro_usd
    ), changes AS (
      SELECT key_id, owner, created_at, tokens, micro_usd FROM stored
      UNION ALL SELECT ${removedSums} FROM unretired
    ), summed AS (${addSums('changes')})
    SELECT id, corrected OR id IN (SELECT id FROM unretired) AS corrected FROM stored`,
};

/**
 * Takes the ids of discarded intents. A statement that inserts the same id at the same time waits for this one, or this one for
 * it: the index has each id once, whatever the two can see of each other.
 */
export const discardIntents: Statement = {
  name: 'discard_intents',
  text: `INSERT INTO intents (id, request_id, key_id, owner, tags, model, created_at, prompt_tokens, completion_tokens,
      cost_micro_usd, process_id, reserved_prompt_tokens, reserved_completion_tokens, reserved_prompt_micro_usd,
      reserved_completion_micro_usd, budgets, discarded_at)
    SELECT id, '', '', '', '{}', '', created_at, 0, 0, 0, '', 0, 0, 0, 0, '[]', ${serverNow}
    FROM json_to_recordset($1) AS r(id text, created_at bigint) ORDER BY id
    ON CONFLICT (id) DO UPDATE SET process_id = '', reserved_prompt_tokens = 0, reserved_completion_tokens = 0,
      reserved_prompt_micro_usd = 0, reserved_completion_micro_usd = 0, discarded_at = excluded.discarded_at`,
};

export const forgetDiscarded: Statement = {
  name: 'forget_discarded',
  text: forgetDiscardedAt(serverNow),
};

/** Removes records that were made for a process thought dead, whose request has reached no target after all. */
export const discardPresumed: Statement = {
  name: 'discard_presumed',
  text: `WITH input AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1) AS r(id text, created_at bigint)
    ), ${unretire('SELECT id FROM input')}, removed AS (
      DELETE FROM records USING input
      WHERE records.created_at = input.created_at AND records.id = input.id AND presumed
      RETURNING records.*
    ), changes AS (
      SELECT ${removedSums} FROM removed UNION ALL SELECT ${removedSums} FROM unretired
    )
    ${addSums('changes')}`,
};

/** Open intents of processes that are dead by the server's clock. */
const dead = `discarded_at IS NULL AND NOT EXISTS (
      SELECT FROM processes WHERE processes.id = intents.process_id AND beat_at >= ${serverNow} - $1
    ) AND process_id <> ALL($2)`;

export const anyDead: Statement = {
  name: 'any_dead',
  text: `SELECT EXISTS (SELECT FROM intents WHERE ${dead}) AS found`,
};

/** Another replica that closes the same ones at this moment has them. */
export const lockDead: Statement = {
  name: 'lock_dead',
  text: `SELECT intents.*, (SELECT beat_at FROM processes WHERE processes.id = process_id) AS beat_at
    FROM intents WHERE ${dead} ORDER BY id FOR UPDATE OF intents SKIP LOCKED`,
};

export const forgetProcesses: Statement = {
  name: 'forget_processes',
  text: `DELETE FROM processes WHERE beat_at < ${serverNow} - $1 AND id <> ALL($2)
    AND NOT EXISTS (SELECT FROM intents WHERE process_id = processes.id)`,
};

export const setBeat: Statement = {
  name: 'set_beat',
  text: `INSERT INTO processes VALUES ($1, ${serverNow}) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at`,
};

export const deleteProcess: Statement = {
  name: 'delete_process',
  text: 'DELETE FROM processes WHERE id = $1',
};

/** Events of budgets that have been made before are left out. */
export const insertEvents: Statement = {
  name: 'insert_events',
  text: `WITH input AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1) AS e(place bigint, id text, type text, at bigint, data text)
    ), fresh AS (
      INSERT INTO budget_notices SELECT id FROM input WHERE type <> 'record' ORDER BY id
      ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO outbox (id, type, at, data)
    SELECT id, type, at, data FROM input
    WHERE type = 'record' OR id IN (SELECT id FROM fresh) ORDER BY place`,
};

export const selectEvents: Statement = {
  name: 'select_events',
  text: 'SELECT sequence, id, type, at AS "atMs", data FROM outbox ORDER BY sequence LIMIT $1',
};

export const waitingEvents: Statement = { name: 'waiting_events', text: selectWaitingEvents };

export const deleteEvents: Statement = {
  name: 'delete_events',
  text: 'DELETE FROM outbox WHERE sequence = ANY($1::bigint[])',
};

/** The sums of `from` for the retired days, added to those that are there. */
export const addRetired = (from: string) => `INSERT INTO retired_usage AS old
    (day, key_id, owner, end_user, tags, model, target, requests, prompt_tokens, completion_tokens, cached_tokens,
      reasoning_tokens, cost_micro_usd)
    SELECT created_at / ${dayMs}, key_id, owner, coalesce(end_user, ''), tags, model, coalesce(target, ''), count(*),
      sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(cost_micro_usd)
    FROM ${from} GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (day, digest) DO UPDATE SET requests = old.requests + excluded.requests,
      prompt_tokens = old.prompt_tokens + excluded.prompt_tokens,
      completion_tokens = old.completion_tokens + excluded.completion_tokens,
      cached_tokens = old.cached_tokens + excluded.cached_tokens,
      reasoning_tokens = old.reasoning_tokens + excluded.reasoning_tokens,
      cost_micro_usd = old.cost_micro_usd + excluded.cost_micro_usd`;

/** What the retired records of processes thought dead among `from` have added, for their true records. */
export const keepPresumed = (from: string) => `INSERT INTO retired_presumed
    (id, created_at, key_id, owner, end_user, tags, model, target, prompt_tokens, completion_tokens, cached_tokens,
      reasoning_tokens, cost_micro_usd)
    SELECT id, created_at, key_id, owner, coalesce(end_user, ''), tags, model, coalesce(target, ''), prompt_tokens,
      completion_tokens, cached_tokens, reasoning_tokens, cost_micro_usd
    FROM ${from} WHERE presumed`;

export const retireOldest: Statement = {
  name: 'retire_oldest',
  text: `WITH removed AS (
      DELETE FROM records WHERE (created_at, id) IN (
        SELECT created_at, id FROM records WHERE created_at < $1 ORDER BY created_at, id LIMIT $2
      ) RETURNING *
    ), summed AS (${addRetired('removed')}), kept AS (${keepPresumed('removed')})
    SELECT count(*) AS deleted FROM removed`,
};
