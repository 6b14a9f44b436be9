import { type Books, budgetKey } from '../admission.ts';
import type { OutboxEvent } from '../contract.ts';
import { recordJson } from '../record-json.ts';
import type { BudgetCheck, Settled } from '../records.ts';
import { readRecord } from './request-row.ts';
import type { RecordTable } from './tables.ts';

/** An event before the database has given it its place in the order. */
export type NewEvent = Omit<OutboxEvent, 'sequence'>;

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
      const spent = budget.unit === 'tokens' ? book.spentTokens : book.spentMicroUsd;
      for (const percent of thresholds) {
        if (spent * 100 < budget.limit * percent) continue;
        const id = `budget:${budget.scope}:${budget.unit}:${budget.sinceMs}:${budget.limit}:${percent}`;
        events.set(id, {
          id,
          type: 'budget',
          atMs,
          data: JSON.stringify(budgetJson(budget, percent, spent)),
        });
      }
    }
  }
  return [...events.values()];
}

function budgetJson(budget: BudgetCheck, percent: number, spent: number) {
  return {
    scope: budget.scope,
    unit: budget.unit === 'tokens' ? 'tokens' : 'micro_usd',
    limit: budget.limit,
    spent,
    percent,
    period_start: budget.sinceMs === 0 ? null : new Date(budget.sinceMs).toISOString(),
  };
}
