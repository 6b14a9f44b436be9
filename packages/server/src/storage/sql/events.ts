import { type Books, budgetKey } from '../admission.ts';
import type { OutboxEvent } from '../contract.ts';
import { recordJson } from '../record-json.ts';
import type { BudgetCheck, RefusedBudget, Settled, Spent } from '../records.ts';
import { readRecord } from './request-row.ts';
import type { RecordTable } from './tables.ts';

/** An event before the database has given it its place in the order. */
export type NewEvent = Omit<OutboxEvent, 'sequence'>;

/** The events of the outbox in one row. To count a million of them would hold up the writes behind it. */
export const selectWaitingEvents = `SELECT
    (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 10000) AS first) AS waiting,
    (SELECT at FROM outbox ORDER BY sequence LIMIT 1) AS "oldestAtMs"`;

/** Percent of a budget's limit at which an event is made. */
const thresholds = [80, 100] as const;

/**
 * The event of a settled record. `corrected`: the record replaces one that was made for a process thought dead; a receiver that
 * keeps each id once must not drop it as a repetition.
 */
export function recordEvent(row: RecordTable, { corrected }: { readonly corrected: boolean }): NewEvent {
  const id = corrected ? `${row.id}:corrected` : row.id;
  return { id, type: 'record', atMs: row.settled_at, data: JSON.stringify(recordJson(readRecord(row))) };
}

/**
 * The events of the budgets that have reached a threshold. The store keeps each id, so that an event is made once in a period:
 * a budget that stays above its threshold gives the same ids again.
 */
export function budgetEvents(
  records: readonly Pick<Settled, 'budgets'>[],
  books: Books,
  atMs: number,
): readonly NewEvent[] {
  const events = new Map<string, NewEvent>();
  for (const { budgets } of records) {
    for (const budget of budgets) {
      const book = books.get(budgetKey(budget));
      if (book === undefined) continue;
      const spent = spentOf(budget, book);
      for (const percent of thresholds) {
        if (spent * 100 < budget.limit * percent) continue;
        const id = budgetEventId(budget, String(percent));
        const data = JSON.stringify({ ...budgetJson(budget, spent), percent });
        events.set(id, { id, type: 'budget', atMs, data });
      }
    }
  }
  return [...events.values()];
}

/** The events of budgets that have refused a request: each is made once in a period, as those of the thresholds. */
export function refusalEvents(refusals: readonly RefusedBudget[], books: Books): readonly NewEvent[] {
  const events = new Map<string, NewEvent>();
  for (const { budget, atMs } of refusals) {
    const id = budgetEventId(budget, 'refused');
    const book = books.get(budgetKey(budget));
    if (book === undefined || events.has(id)) continue;
    const data = JSON.stringify(budgetJson(budget, spentOf(budget, book)));
    events.set(id, { id, type: 'refusal', atMs, data });
  }
  return [...events.values()];
}

/** A limit that was changed gives new events in the same period. */
function budgetEventId({ scope, unit, sinceMs, limit }: BudgetCheck, what: string): string {
  return `budget:${scope}:${unit}:${sinceMs}:${limit}:${what}`;
}

function spentOf({ unit }: BudgetCheck, book: Pick<Spent, 'spentTokens' | 'spentMicroUsd'>): number {
  return unit === 'tokens' ? book.spentTokens : book.spentMicroUsd;
}

function budgetJson(budget: BudgetCheck, spent: number) {
  return {
    scope: budget.scope,
    unit: budget.unit === 'tokens' ? 'tokens' : 'micro_usd',
    limit: budget.limit,
    spent,
    period_start: budget.sinceMs === 0 ? null : new Date(budget.sinceMs).toISOString(),
  };
}
