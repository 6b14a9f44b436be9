import type { DatabaseSync } from 'node:sqlite';
import { addReservation, type Books, budgetKey, decideAdmission, distinctBudgets } from '../admission.ts';
import type { OutboxEvent, WaitingEvents } from '../contract.ts';
import type { Admitted, BudgetCheck, Intent, Progress, RefusedBudget, Settled, Spent } from '../records.ts';
import {
  budgetEvents,
  type NewEvent,
  recordEvent,
  refusalEvents,
  selectWaitingEvents,
} from '../sql/events.ts';
import {
  intentColumns,
  intentRow,
  presumedRow,
  progressColumns,
  progressRow,
  readBudgets,
  recordColumns,
  recordRow,
} from '../sql/request-row.ts';
import { dailySums, dayOf, type SumChange, sumChange } from '../sql/sums.ts';
import {
  dayMs,
  forgetDiscardedAt,
  type IntentTable,
  type RecordTable,
  type RetiredPresumedTable,
} from '../sql/tables.ts';
import { inTransaction, valuesOf } from './statement.ts';

/** The statements of every request. Each function runs to its end, in one transaction, or throws and has changed nothing. */
export interface SqliteRequests {
  admit(intents: readonly Intent[]): readonly Admitted[];
  keep(intents: readonly Intent[]): void;
  progress(marks: readonly Progress[]): void;
  settle(records: readonly Settled[]): void;
  discard(ids: readonly { readonly id: string; readonly createdAtMs: number }[]): void;
  noteRefusals(refusals: readonly RefusedBudget[]): void;
  closeDead(options: {
    readonly living: readonly string[];
    readonly expiredMs: number;
    readonly nowMs: number;
  }): readonly string[];
  spent(budgets: readonly Pick<BudgetCheck, 'scope' | 'sinceMs'>[]): readonly Spent[];
  beat(processId: string): void;
  leave(processId: string): void;
  /** Moves up to `limit` of the oldest records before a time into the daily sums of usage; returns their number. */
  retire(beforeMs: number, limit: number): number;
  outbox(limit: number): readonly OutboxEvent[];
  delivered(sequences: readonly number[]): void;
  waitingEvents(): WaitingEvents;
}

export interface SqliteRequestsOptions {
  readonly database: DatabaseSync;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Whether settled records and budgets that fill up become events. */
  readonly outbox: boolean;
}

const progressOrder = [
  'target',
  'prompt_tokens',
  'completion_tokens',
  'cost_micro_usd',
  ...progressColumns,
] as const;

/** Prepares the statements; the schema must be current. */
export function createSqliteRequests({ database, now, outbox }: SqliteRequestsOptions): SqliteRequests {
  const insertInto = (table: string, columns: readonly string[]) =>
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  const insertIntent = database.prepare(`${insertInto('intents', intentColumns)} ON CONFLICT DO NOTHING`);
  const findIntent = database.prepare('SELECT * FROM intents WHERE id = ?');
  const findRecord = database.prepare('SELECT 1 FROM records WHERE created_at = ? AND id = ?');
  const discardIntent = database.prepare(
    `INSERT INTO intents (id, request_id, key_id, owner, tags, model, created_at, prompt_tokens, completion_tokens,
       cost_micro_usd, process_id, reserved_prompt_tokens, reserved_completion_tokens, reserved_prompt_micro_usd,
       reserved_completion_micro_usd, budgets, discarded_at)
     VALUES (?, '', '', '', '{}', '', ?, 0, 0, 0, '', 0, 0, 0, 0, '[]', ?)
     ON CONFLICT DO UPDATE SET process_id = '', reserved_prompt_tokens = 0, reserved_completion_tokens = 0,
       reserved_prompt_micro_usd = 0, reserved_completion_micro_usd = 0, discarded_at = excluded.discarded_at`,
  );
  const forgetDiscarded = database.prepare(forgetDiscardedAt('?'));
  const deleteIntent = database.prepare('DELETE FROM intents WHERE id = ?');
  // Nearly no record has a presumed one before it: to look first costs less than `RETURNING`, which makes a table for its rows.
  const findPresumed = database.prepare(
    'SELECT * FROM records WHERE created_at = ? AND id = ? AND presumed = 1',
  );
  const deleteRecord = database.prepare('DELETE FROM records WHERE created_at = ? AND id = ?');
  const insertRecord = database.prepare(`${insertInto('records', recordColumns)} ON CONFLICT DO NOTHING`);
  const addSum = database.prepare(
    `INSERT INTO daily_spent VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
     SET tokens = tokens + excluded.tokens, micro_usd = micro_usd + excluded.micro_usd`,
  );
  const mark = database.prepare(
    `UPDATE intents SET ${progressOrder.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
  );
  const sumSpent = database.prepare(
    'SELECT coalesce(sum(tokens), 0) AS tokens, coalesce(sum(micro_usd), 0) AS micro_usd FROM daily_spent WHERE scope = ? AND day >= ?',
  );
  const sumReserved = (column: string) =>
    database.prepare(
      `SELECT coalesce(sum(reserved_prompt_tokens + reserved_completion_tokens), 0) AS tokens,
        coalesce(sum(reserved_prompt_micro_usd + reserved_completion_micro_usd), 0) AS micro_usd
       FROM intents WHERE ${column} = ? AND created_at >= ?`,
    );
  const sumReservedOfKey = sumReserved('key_id');
  const sumReservedOfOwner = sumReserved('owner');
  const findDead = database.prepare(
    `SELECT intents.*, beat_at FROM intents LEFT JOIN processes ON processes.id = process_id
     WHERE discarded_at IS NULL AND (beat_at IS NULL OR beat_at < ?) AND process_id NOT IN (SELECT value FROM json_each(?))`,
  );
  const forgetProcesses = database.prepare(
    'DELETE FROM processes WHERE beat_at < ? AND id NOT IN (SELECT value FROM json_each(?))',
  );
  const setBeat = database.prepare(
    'INSERT INTO processes VALUES (?, ?) ON CONFLICT DO UPDATE SET beat_at = excluded.beat_at',
  );
  const deleteProcess = database.prepare('DELETE FROM processes WHERE id = ?');
  const oldest = 'SELECT rowid FROM records WHERE created_at < ? ORDER BY created_at, id LIMIT ?';
  const addRetired = database.prepare(
    `INSERT INTO retired_usage
     SELECT created_at / ${dayMs}, key_id, owner, coalesce(end_user, ''), tags, model, coalesce(target, ''), count(*),
       sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(cost_micro_usd)
     FROM records WHERE rowid IN (${oldest}) GROUP BY 1, 2, 3, 4, 5, 6, 7
     ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
       prompt_tokens = prompt_tokens + excluded.prompt_tokens,
       completion_tokens = completion_tokens + excluded.completion_tokens,
       cached_tokens = cached_tokens + excluded.cached_tokens,
       reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
       cost_micro_usd = cost_micro_usd + excluded.cost_micro_usd`,
  );
  const keepPresumed = database.prepare(
    `INSERT INTO retired_presumed
     SELECT id, created_at, key_id, owner, coalesce(end_user, ''), tags, model, coalesce(target, ''), prompt_tokens,
       completion_tokens, cached_tokens, reasoning_tokens, cost_micro_usd
     FROM records WHERE rowid IN (${oldest}) AND presumed = 1`,
  );
  const findRetired = database.prepare('SELECT * FROM retired_presumed WHERE id = ?');
  const deleteRetired = database.prepare('DELETE FROM retired_presumed WHERE id = ?');
  const lessRetired = database.prepare(
    `UPDATE retired_usage SET requests = requests - 1, prompt_tokens = prompt_tokens - ?,
       completion_tokens = completion_tokens - ?, cached_tokens = cached_tokens - ?,
       reasoning_tokens = reasoning_tokens - ?, cost_micro_usd = cost_micro_usd - ?
     WHERE day = ? AND key_id = ? AND owner = ? AND end_user = ? AND tags = ? AND model = ? AND target = ?`,
  );
  const deleteOldest = database.prepare(`DELETE FROM records WHERE rowid IN (${oldest})`);
  const insertNotice = database.prepare('INSERT INTO budget_notices VALUES (?) ON CONFLICT DO NOTHING');
  const insertEvent = database.prepare('INSERT INTO outbox (id, type, at, data) VALUES (?, ?, ?, ?)');
  const selectEvents = database.prepare(
    'SELECT sequence, id, type, at AS atMs, data FROM outbox ORDER BY sequence LIMIT ?',
  );
  const waitingEvents = database.prepare(selectWaitingEvents);
  const deleteEvents = database.prepare(
    'DELETE FROM outbox WHERE sequence IN (SELECT value FROM json_each(?))',
  );

  function readBooks(budgets: readonly Pick<BudgetCheck, 'scope' | 'sinceMs'>[]): Books {
    return new Map(
      budgets.map((budget) => {
        const { scope, sinceMs } = budget;
        // The types of these rows are those of the statements above.
        const spent = sumSpent.get(scope, dayOf(sinceMs)) as unknown as Sums;
        const id = scope.slice(scope.indexOf(':') + 1);
        const statement = scope.startsWith('key:') ? sumReservedOfKey : sumReservedOfOwner;
        const reserved = statement.get(id, sinceMs) as unknown as Sums;
        const book = {
          spentTokens: spent.tokens,
          spentMicroUsd: spent.micro_usd,
          reservedTokens: reserved.tokens,
          reservedMicroUsd: reserved.micro_usd,
        };
        return [budgetKey(budget), book];
      }),
    );
  }

  function addSums(changes: readonly SumChange[]): void {
    for (const { scope, day, tokens, microUsd } of dailySums(changes))
      addSum.run(scope, day, tokens, microUsd);
  }

  /** Removes the record that was made for a process thought dead, if there is one; where it is retired, from the sums. */
  function removePresumed(createdAtMs: number, id: string): SumChange | undefined {
    const presumed = findPresumed.get(createdAtMs, id) as unknown as RecordTable | undefined;
    if (presumed !== undefined) deleteRecord.run(createdAtMs, id);
    const removed = presumed ?? removeRetired(id);
    return removed === undefined ? undefined : sumChange(removed, -1);
  }

  function removeRetired(id: string): RetiredPresumedTable | undefined {
    const row = findRetired.get(id) as unknown as RetiredPresumedTable | undefined;
    if (row === undefined) return undefined;
    deleteRetired.run(id);
    lessRetired.run(
      row.prompt_tokens,
      row.completion_tokens,
      row.cached_tokens,
      row.reasoning_tokens,
      row.cost_micro_usd,
      dayOf(row.created_at),
      row.key_id,
      row.owner,
      row.end_user,
      row.tags,
      row.model,
      row.target,
    );
    return row;
  }

  function settleRows(rows: readonly RecordTable[], budgetsOf: readonly Pick<Settled, 'budgets'>[]): void {
    const changes: SumChange[] = [];
    const events: NewEvent[] = [];
    for (const row of rows) {
      deleteIntent.run(row.id);
      if (row.presumed === true && findRetired.get(row.id) !== undefined) continue;
      const removed = row.presumed === true ? undefined : removePresumed(row.created_at, row.id);
      if (insertRecord.run(...valuesOf(row, recordColumns)).changes === 0) continue;
      changes.push(sumChange(row));
      if (removed !== undefined) changes.push(removed);
      if (outbox) events.push(recordEvent(row, { corrected: removed !== undefined }));
    }
    addSums(changes);
    if (!outbox) return;
    for (const event of events) insertEvent.run(event.id, event.type, event.atMs, event.data);
    const books = readBooks(distinctBudgets(budgetsOf));
    const lastSettledAtMs = rows.reduce((last, row) => Math.max(last, row.settled_at), 0);
    storeOnce(budgetEvents(budgetsOf, books, lastSettledAtMs));
  }

  /** Events of which each is made once, however often it is given. */
  function storeOnce(events: readonly NewEvent[]): void {
    for (const { id, type, atMs, data } of events) {
      if (insertNotice.run(id).changes > 0) insertEvent.run(id, type, atMs, data);
    }
  }

  function storeIntent(intent: Intent): void {
    insertIntent.run(...valuesOf(intentRow(intent), intentColumns));
  }

  return {
    admit: (intents) =>
      inTransaction(database, () => {
        const budgets = distinctBudgets(intents);
        const books = readBooks(budgets);
        return intents.map((intent): Admitted => {
          const stored = findIntent.get(intent.id) as unknown as IntentTable | undefined;
          if (stored !== undefined) return { ok: true, reserved: reservationOf(stored) };
          if (findRecord.get(intent.createdAtMs, intent.id) !== undefined)
            return { ok: true, reserved: intent.reserved };
          const decided = decideAdmission(intent, books);
          if (!decided.ok) return decided;
          storeIntent({ ...intent, reserved: decided.reserved });
          addReservation(intent, decided.reserved, budgets, books);
          return decided;
        });
      }),
    keep: (intents) =>
      inTransaction(database, () => {
        for (const intent of intents) {
          if (findRecord.get(intent.createdAtMs, intent.id) === undefined) storeIntent(intent);
        }
      }),
    progress: (marks) =>
      inTransaction(database, () => {
        for (const one of marks) mark.run(...valuesOf(progressRow(one), [...progressOrder, 'id']));
      }),
    settle: (records) => inTransaction(database, () => settleRows(records.map(recordRow), records)),
    discard: (ids) =>
      inTransaction(database, () => {
        const changes: SumChange[] = [];
        forgetDiscarded.run(now());
        for (const { id, createdAtMs } of ids) {
          discardIntent.run(id, createdAtMs, now());
          const removed = removePresumed(createdAtMs, id);
          if (removed !== undefined) changes.push(removed);
        }
        addSums(changes);
      }),
    noteRefusals: (refusals) => {
      if (!outbox) return;
      const budgets = refusals.map(({ budget }) => budget);
      inTransaction(database, () => storeOnce(refusalEvents(refusals, readBooks(budgets))));
    },
    closeDead: ({ living, expiredMs, nowMs }) =>
      inTransaction(database, () => {
        const before = now() - expiredMs;
        const list = JSON.stringify(living);
        const dead = findDead.all(before, list) as unknown as (IntentTable & { beat_at: number | null })[];
        settleRows(
          dead.map((intent) => presumedRow(intent, { nowMs, lastBeatMs: intent.beat_at })),
          dead.map((intent) => ({ budgets: readBudgets(intent) })),
        );
        forgetProcesses.run(before, list);
        return dead.map(({ id }) => id);
      }),
    spent: (budgets) => {
      const books = readBooks(budgets);
      return budgets.map((budget) => books.get(budgetKey(budget)) ?? nothing);
    },
    beat: (processId) => void setBeat.run(processId, now()),
    leave: (processId) => void deleteProcess.run(processId),
    retire: (beforeMs, limit) =>
      inTransaction(database, () => {
        addRetired.run(beforeMs, limit);
        keepPresumed.run(beforeMs, limit);
        return Number(deleteOldest.run(beforeMs, limit).changes);
      }),
    outbox: (limit) => (selectEvents.all(limit) as unknown as OutboxEvent[]).map((event) => ({ ...event })),
    delivered: (sequences) => void deleteEvents.run(JSON.stringify(sequences)),
    waitingEvents: () => ({ ...(waitingEvents.get() as unknown as WaitingEvents) }),
  };
}

const nothing: Spent = { spentTokens: 0, spentMicroUsd: 0, reservedTokens: 0, reservedMicroUsd: 0 };

interface Sums {
  readonly tokens: number;
  readonly micro_usd: number;
}

function reservationOf(row: IntentTable) {
  return {
    promptTokens: row.reserved_prompt_tokens,
    completionTokens: row.reserved_completion_tokens,
    promptMicroUsd: row.reserved_prompt_micro_usd,
    completionMicroUsd: row.reserved_completion_micro_usd,
  };
}
