import { locks } from './locks.ts';
import type { Client, Pool } from './pool.ts';

/*
 * `records` has one partition for each month of creation (UTC): `records_2026_11`. They are made on demand, and ahead: a month
 * that is seen for the first time makes the one after it too. A partition is made as a table of its own and then attached, which
 * does not stop the others; only its makers wait for each other.
 */

export interface Partitions {
  /** Makes the partitions for these times of creation. Without a statement where this process knows that they exist. */
  ensure(createdAtMs: readonly number[]): Promise<void>;
  /** The same within a transaction of the caller's. */
  ensureWithin(client: Client, createdAtMs: readonly number[]): Promise<void>;
  /** Another process may have removed partitions. */
  forget(): void;
}

/** A month is the number of months since year 0. */
export function monthOf(atMs: number): number {
  const date = new Date(atMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

export function monthBeginMs(month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(month / 12), month % 12, 1);
  return date.getTime();
}

export function partitionName(month: number): string {
  const year = String(Math.floor(month / 12)).padStart(4, '0');
  return `records_${year}_${String((month % 12) + 1).padStart(2, '0')}`;
}

export function createPartitions(pool: Pool): Partitions {
  const known = new Set<number>();
  const missing = (createdAtMs: readonly number[]) => {
    const months = new Set(createdAtMs.map(monthOf));
    return [...months].filter((month) => !known.has(month));
  };
  async function make(client: Client, months: readonly number[]): Promise<readonly number[]> {
    const made = [...new Set(months.flatMap((month) => [month, month + 1]))].sort((a, b) => a - b);
    for (const month of made) await makePartition(client, month);
    return made;
  }
  return {
    async ensure(createdAtMs) {
      const months = missing(createdAtMs);
      if (months.length === 0) return;
      const made = await pool.transaction(`SELECT pg_advisory_xact_lock(${locks.partitions})`, (client) =>
        make(client, months),
      );
      for (const month of made) known.add(month);
    },
    async ensureWithin(client, createdAtMs) {
      const months = missing(createdAtMs);
      if (months.length === 0) return;
      await client.query(`SELECT pg_advisory_xact_lock(${locks.partitions})`);
      // They are known only when the caller's transaction has been committed: the next call asks again.
      await make(client, months);
    },
    forget: () => known.clear(),
  };
}

async function makePartition(client: Client, month: number): Promise<void> {
  const name = partitionName(month);
  const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS found', [name]);
  if (rows[0]?.found === true) return;
  await client.query(`CREATE TABLE ${name} (LIKE records INCLUDING ALL)`);
  await client.query(
    `ALTER TABLE records ATTACH PARTITION ${name} FOR VALUES FROM (${monthBeginMs(month)}) TO (${monthBeginMs(month + 1)})`,
  );
}
