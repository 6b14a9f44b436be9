import { dayMs } from '../sql/tables.ts';
import { lockRetirement } from './locks.ts';
import { monthOf, type Partitions, partitionName } from './partitions.ts';
import { type Pool, runOn } from './pool.ts';
import { sqlState } from './postgres-error.ts';
import { addRetired, keepPresumed, retireOldest } from './statements.ts';

const retiredAtOnce = 5_000;

/** Removes the records of whole days: months that are over as whole partitions, the rest in steps. Resolves with their number. */
export async function retireRecords(pool: Pool, partitions: Partitions, beforeMs: number): Promise<number> {
  const before = Math.floor(beforeMs / dayMs) * dayMs;
  let deleted = 0;
  for (const month of await monthsBefore(pool, before)) deleted += await dropMonth(pool, month);
  if (deleted > 0) partitions.forget();
  for (;;) {
    const [step] = await pool.transaction(lockRetirement, (client) =>
      runOn<{ deleted: number }>(client, retireOldest, [before, retiredAtOnce]),
    );
    deleted += step?.deleted ?? 0;
    if ((step?.deleted ?? 0) < retiredAtOnce) return deleted;
  }
}

/** Months with a partition that end before a time. */
async function monthsBefore(pool: Pool, beforeMs: number): Promise<readonly number[]> {
  const rows = await pool.run<{ name: string }>(
    {
      name: 'list_partitions',
      text: `SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'records'::regclass ORDER BY relname`,
    },
    [],
  );
  return rows.flatMap(({ name }) => {
    const found = /^records_(\d{4,})_(\d\d)$/.exec(name);
    if (found === null) return [];
    const month = Number(found[1]) * 12 + Number(found[2]) - 1;
    return month < monthOf(beforeMs) ? [month] : [];
  });
}

/**
 * Moves the sums of a month into `retired_usage` and drops its partition. While the sums are made the month takes no writes; for
 * the moment of the drop no other statement may use `records`. Where that cannot be had soon, the step-by-step deletion has its rows.
 */
async function dropMonth(pool: Pool, month: number): Promise<number> {
  const name = partitionName(month);
  const limits = `SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = ${dropTimeoutMs}`;
  try {
    return await pool.transaction(limits, async (client) => {
      await client.query(lockRetirement);
      await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
      const counted = await client.query<{ count: number }>(long(`SELECT count(*) AS count FROM ${name}`));
      await client.query(long(addRetired(name)));
      await client.query(long(keepPresumed(name)));
      await client.query(`DROP TABLE ${name}`);
      return counted.rows[0]?.count ?? 0;
    });
  } catch (error) {
    const state = sqlState(error);
    // Other statements used the table all the time, or another replica has dropped it.
    if (state === lockNotAvailable || state === undefinedTable) return 0;
    throw error;
  }
}

/** `pg` takes a timeout of a single statement, and its types do not know it. */
function long(text: string): { readonly text: string } {
  return Object.assign({ text }, { query_timeout: dropTimeoutMs });
}

const dropTimeoutMs = 600_000;
const lockNotAvailable = '55P03';
const undefinedTable = '42P01';
