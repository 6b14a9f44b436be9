import { addReservation, type Books, budgetKey, decideAdmission, distinctBudgets } from '../admission.ts';
import type { OutboxEvent, Store, WaitingEvents } from '../contract.ts';
import type { Admitted, BudgetCheck, Intent, Settled, Spent } from '../records.ts';
import { budgetEvents, type NewEvent, recordEvent, refusalEvents } from '../sql/events.ts';
import {
  intentRow,
  presumedRow,
  progressRow,
  readBudgets as readBudgetsOf,
  recordRow,
} from '../sql/request-row.ts';
import { dayOf } from '../sql/sums.ts';
import type { IntentTable, RecordTable } from '../sql/tables.ts';
import { lockRetired, lockScopes, locks } from './locks.ts';
import type { Partitions } from './partitions.ts';
import { type Client, type Pool, runOn } from './pool.ts';
import { lacksPartition } from './postgres-error.ts';
import {
  anyDead,
  deleteEvents,
  deleteProcess,
  discardIntents,
  discardPresumed,
  findStored,
  forgetDiscarded,
  forgetProcesses,
  insertEvents,
  insertIntents,
  lockDead,
  readBudgets,
  selectEvents,
  setBeat,
  settleRecords,
  updateProgress,
  waitingEvents,
} from './statements.ts';

export type PostgresRequests = Pick<
  Store,
  | 'admit'
  | 'keep'
  | 'progress'
  | 'settle'
  | 'discard'
  | 'noteRefusals'
  | 'closeDead'
  | 'spent'
  | 'beat'
  | 'leave'
  | 'outbox'
  | 'delivered'
  | 'waitingEvents'
>;

export interface PostgresRequestsOptions {
  readonly pool: Pool;
  readonly partitions: Partitions;
  readonly outbox: boolean;
}

/** The methods of every request. Each is one statement, but for budgets, for the outbox and for the intents of the dead. */
export function createPostgresRequests({
  pool,
  partitions,
  outbox,
}: PostgresRequestsOptions): PostgresRequests {
  async function admitWithBudgets(intents: readonly Intent[]): Promise<readonly Admitted[]> {
    const budgets = distinctBudgets(intents);
    // The sums are read by a statement of their own, after the locks: it sees what those before it have committed.
    return pool.transaction(lockScopes(budgets.map(({ scope }) => scope)), async (client) => {
      const books = await readBooks(client, budgets);
      const stored = await storedOf(client, intents);
      const rows: IntentTable[] = [];
      const answers = intents.map((intent): Admitted => {
        const reserved = stored.get(intent.id);
        if (reserved !== undefined) return { ok: true, reserved };
        const decided = decideAdmission(intent, books);
        if (!decided.ok) return decided;
        stored.set(intent.id, decided.reserved);
        rows.push(intentRow({ ...intent, reserved: decided.reserved }));
        addReservation(intent, decided.reserved, budgets, books);
        return decided;
      });
      if (rows.length > 0) await runOn(client, insertIntents, [JSON.stringify(rows)]);
      return answers;
    });
  }

  async function settleRows(
    rows: readonly RecordTable[],
    budgetsOf: readonly Pick<Settled, 'budgets'>[],
    within?: Client,
  ): Promise<void> {
    const batch = JSON.stringify(rows);
    const first = mayBeRetired(rows) ? [lockRetired] : [];
    if (!outbox && first.length === 0 && within === undefined) {
      await pool.run(settleRecords, [batch]);
      return;
    }
    const settle = async (client: Client) => {
      const settled = await runOn<{ id: string; corrected: boolean }>(client, settleRecords, [batch]);
      if (!outbox) return;
      const corrected = new Map(settled.map((row) => [row.id, row.corrected]));
      const events: NewEvent[] = rows.flatMap((row) => {
        const found = corrected.get(row.id);
        return found === undefined ? [] : [recordEvent(row, { corrected: found })];
      });
      const budgets = distinctBudgets(budgetsOf);
      if (budgets.length > 0) {
        const lastSettledAtMs = rows.reduce((last, row) => Math.max(last, row.settled_at), 0);
        events.push(...budgetEvents(budgetsOf, await readBooks(client, budgets), lastSettledAtMs));
      }
      await storeEvents(client, events);
    };
    const ordered = outbox ? [...first, lockOutbox] : first;
    const lock = ordered.join('; ');
    if (within === undefined) return pool.transaction(lock, settle);
    if (lock !== '') await within.query(lock);
    await settle(within);
  }

  /** Settles rows whose partition another process may have removed. */
  async function withPartitions<T>(rows: readonly RecordTable[], work: () => Promise<T>): Promise<T> {
    const times = rows.map((row) => row.created_at);
    await partitions.ensure(times);
    try {
      return await work();
    } catch (error) {
      if (!lacksPartition(error)) throw error;
      partitions.forget();
      await partitions.ensure(times);
      return work();
    }
  }

  async function closeDead({ living, expiredMs, nowMs }: Parameters<Store['closeDead']>[0]) {
    const parameters = [expiredMs, living];
    const [probe] = await pool.run<{ found: boolean }>(anyDead, parameters);
    let closed: readonly string[] = [];
    if (probe?.found === true) {
      closed = await pool.transaction('', async (client) => {
        const dead = await runOn<IntentTable & { beat_at: number | null }>(client, lockDead, parameters);
        if (dead.length === 0) return [];
        const rows = dead.map((intent) => presumedRow(intent, { nowMs, lastBeatMs: intent.beat_at }));
        await partitions.ensureWithin(
          client,
          rows.map((row) => row.created_at),
        );
        await settleRows(
          rows,
          dead.map((intent) => ({ budgets: readBudgetsOf(intent) })),
          client,
        );
        return dead.map(({ id }) => id);
      });
    }
    await pool.run(forgetProcesses, parameters);
    return closed;
  }

  async function keep(intents: readonly Intent[]): Promise<void> {
    if (intents.length > 0) await pool.run(insertIntents, [JSON.stringify(intents.map(intentRow))]);
  }

  return {
    async admit(intents) {
      if (intents.some(({ budgets }) => budgets.length > 0)) return admitWithBudgets(intents);
      await keep(intents);
      return intents.map(({ reserved }): Admitted => ({ ok: true, reserved }));
    },
    keep,
    async progress(marks) {
      if (marks.length === 0) return;
      const rows = marks.map(progressRow);
      // Of several marks of one intent the last one is its state.
      await pool.run(updateProgress, [JSON.stringify([...byId(rows).values()])]);
    },
    async settle(records) {
      if (records.length === 0) return;
      // Settled once, however often it is given.
      const distinct = [...byId(records.toReversed()).values()].reverse();
      const rows = distinct.map(recordRow);
      await withPartitions(rows, () => settleRows(rows, distinct));
    },
    async discard(ids) {
      if (ids.length === 0) return;
      await pool.run(forgetDiscarded, []);
      const rows = [...byId(ids).values()].map(({ id, createdAtMs }) => ({ id, created_at: createdAtMs }));
      const batch = JSON.stringify(rows);
      await pool.transaction(mayBeRetired(rows) ? lockRetired : '', async (client) => {
        await runOn(client, discardIntents, [batch]);
        // By a statement of its own: it sees the records of a process that was closed while the first one waited.
        await runOn(client, discardPresumed, [batch]);
      });
    },
    async noteRefusals(refusals) {
      if (!outbox || refusals.length === 0) return;
      const budgets = distinctBudgets([{ budgets: refusals.map(({ budget }) => budget) }]);
      await pool.transaction(lockOutbox, async (client) =>
        storeEvents(client, refusalEvents(refusals, await readBooks(client, budgets))),
      );
    },
    closeDead,
    async spent(budgets) {
      if (budgets.length === 0) return [];
      const books = await pool.run<BookRow>(readBudgets, [budgetList(budgets)]);
      return books.map(bookOf);
    },
    async beat(processId) {
      await pool.run(setBeat, [processId]);
    },
    async leave(processId) {
      await pool.run(deleteProcess, [processId]);
    },
    outbox: (limit) => pool.run<OutboxEvent>(selectEvents, [limit]),
    async waitingEvents() {
      const [row] = await pool.run<WaitingEvents>(waitingEvents, []);
      return row ?? { waiting: 0, oldestAtMs: null };
    },
    async delivered(sequences) {
      await pool.run(deleteEvents, [sequences]);
    },
  };
}

/** Under this lock events get their numbers in the order of their commits, so that no reader of the outbox misses one. */
const lockOutbox = `SELECT pg_advisory_xact_lock(${locks.outbox})`;

async function storeEvents(client: Client, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const list = events.map(({ atMs, ...event }, place) => ({ place, ...event, at: atMs }));
  await runOn(client, insertEvents, [JSON.stringify(list)]);
}

interface BookRow {
  readonly spent_tokens: number;
  readonly spent_micro_usd: number;
  readonly reserved_tokens: number;
  readonly reserved_micro_usd: number;
}

type AnyBudget = Pick<BudgetCheck, 'scope' | 'sinceMs'>;

function budgetList(budgets: readonly AnyBudget[]): string {
  return JSON.stringify(
    budgets.map(({ scope, sinceMs }, place) => {
      const colon = scope.indexOf(':');
      const kind = scope.slice(0, colon);
      return { place, scope, kind, id: scope.slice(colon + 1), since: sinceMs, day: dayOf(sinceMs) };
    }),
  );
}

function bookOf(row: BookRow): Spent {
  return {
    spentTokens: row.spent_tokens,
    spentMicroUsd: row.spent_micro_usd,
    reservedTokens: row.reserved_tokens,
    reservedMicroUsd: row.reserved_micro_usd,
  };
}

async function readBooks(client: Client, budgets: readonly AnyBudget[]): Promise<Books> {
  const rows = await runOn<BookRow>(client, readBudgets, [budgetList(budgets)]);
  const books: Books = new Map();
  budgets.forEach((budget, index) => {
    const row = rows[index];
    if (row !== undefined) books.set(budgetKey(budget), { ...bookOf(row) });
  });
  return books;
}

async function storedOf(client: Client, intents: readonly Intent[]) {
  const asked = intents.map(({ id, createdAtMs }) => ({ id, created_at: createdAtMs }));
  const rows = await runOn<Partial<IntentTable> & { id: string; reserved_prompt_tokens: number | null }>(
    client,
    findStored,
    [JSON.stringify(asked)],
  );
  const asGiven = byId(intents);
  return new Map(
    rows.map((row) => {
      const given = asGiven.get(row.id)?.reserved;
      return [
        row.id,
        {
          promptTokens: row.reserved_prompt_tokens ?? given?.promptTokens ?? 0,
          completionTokens: row.reserved_completion_tokens ?? given?.completionTokens ?? 0,
          promptMicroUsd: row.reserved_prompt_micro_usd ?? given?.promptMicroUsd ?? 0,
          completionMicroUsd: row.reserved_completion_micro_usd ?? given?.completionMicroUsd ?? 0,
        },
      ];
    }),
  );
}

/** How far the clocks of two machines may be apart. */
const skewMs = 300_000;

/** Whole days are retired, and never the day of today. */
function mayBeRetired(rows: readonly { readonly created_at: number }[]): boolean {
  const today = dayOf(Date.now() + skewMs);
  return rows.some((row) => dayOf(row.created_at) < today);
}

/** The last one of each id. */
function byId<T extends { readonly id: string }>(entries: readonly T[]): Map<string, T> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}
