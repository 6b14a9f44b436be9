import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../packages/server/src/storage/contract.ts';
import { openPostgresStore } from '../../packages/server/src/storage/postgres/open-postgres-store.ts';
import { createPool } from '../../packages/server/src/storage/postgres/pool.ts';
import { openSqliteStore } from '../../packages/server/src/storage/sqlite/open-sqlite-store.ts';
import { sqliteFile } from '../../packages/server/src/storage/store-name.ts';
import { startMemoryServer } from '../../packages/server/src/storage/testing/memory-store.ts';
import { postgresFor } from '../../packages/server/src/testing/services.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Where the store of a world keeps its data, outside every process. */
export interface BackingStore {
  /** Whether several services use it at the same time. */
  readonly shared: boolean;
  /** Opens it for a service; after a death, as the real recovery does. */
  open(): Promise<Store>;
  /** The process that had opened it has ended in good order. */
  ended(store: Store): Promise<void>;
  /** The process that had opened it was killed. */
  died(store: Store): Promise<void>;
  /** Ends it and deletes the data. */
  remove(): Promise<void>;
}

/** In memory where the system has such a folder: an sync of a disk would be most of the time of a run. */
const folderOfAll = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * SQLite in a folder. A death leaves what the process had handed to the operating system: a copy of the database and its log
 * as they are at that moment, which the next process opens.
 */
export async function sqliteBacking(time: VirtualTime): Promise<BackingStore> {
  const parent = mkdtempSync(join(folderOfAll, 'tailrace-simulation-'));
  let number = 0;
  const folder = () => join(parent, String(number));
  mkdirSync(folder());
  let opened: Store | undefined;

  return {
    shared: false,
    async open() {
      const opening = await time.outside(openSqliteStore({ dataDir: folder(), now: time.now, outbox: true }));
      if (!opening.ok) throw new Error(opening.message);
      opened = opening.store;
      return opening.store;
    },
    async ended(store) {
      opened = undefined;
      await time.outside(store.close());
    },
    async died(store) {
      const before = folder();
      number += 1;
      mkdirSync(folder());
      for (const end of ['', '-wal']) {
        if (existsSync(`${sqliteFile(before)}${end}`)) {
          copyFileSync(`${sqliteFile(before)}${end}`, `${sqliteFile(folder())}${end}`);
        }
      }
      opened = undefined;
      // Its descriptors end with it.
      await time.outside(store.close());
      rmSync(before, { recursive: true });
    },
    async remove() {
      if (opened !== undefined) await time.outside(opened.close());
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** The seam of PostgreSQL in memory. */
export async function memoryBacking(time: VirtualTime): Promise<BackingStore> {
  const server = await startMemoryServer({ now: time.now, random: Math.random, outbox: true });
  return { ...sharedBacking(server.inside), remove: () => server.close() };
}

const makeClock = `CREATE SCHEMA simulation;
  CREATE TABLE simulation.clock (at timestamptz NOT NULL);
  INSERT INTO simulation.clock VALUES (now());
  CREATE FUNCTION simulation.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS 'SELECT at FROM simulation.clock';
  DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = simulation, pg_catalog, public', current_database());
    -- The server itself does not die.
    EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
  END $$`;
const moveClock = {
  name: 'move_clock',
  text: 'UPDATE simulation.clock SET at = to_timestamp($1::float8 / 1000)',
};

/** The calls whose statements read the clock of the server. */
const readingClock: ReadonlySet<keyof Store> = new Set<keyof Store>([
  'beat',
  'closeDead',
  'discard',
  'lease',
]);

/**
 * A database of the real PostgreSQL of the tests. Its clock is that of the simulation: a function of this name, in a schema
 * that is searched before the system's.
 */
export async function postgresBacking(time: VirtualTime): Promise<BackingStore> {
  const ends: (() => Promise<void>)[] = [];
  const url = await postgresFor((end) => ends.push(end));
  const clock = createPool(url);
  await clock.transaction(makeClock, async () => {});
  const opening = await openPostgresStore({ url, outbox: true });
  if (!opening.ok) throw new Error(opening.message);
  const { store } = opening;
  let setAtMs = Number.NaN;

  async function setClock(): Promise<void> {
    const nowMs = time.now();
    if (nowMs === setAtMs) return;
    setAtMs = nowMs;
    await clock.run(moveClock, [nowMs]);
  }

  const timed = new Proxy(store, {
    get: (_, name: keyof Store) => {
      const method = store[name] as ((...args: readonly unknown[]) => Promise<unknown>) | undefined;
      // A promise asks whether it has a `then`.
      if (method === undefined) return undefined;
      return async (...args: readonly unknown[]) => {
        if (readingClock.has(name)) await setClock();
        return method(...args);
      };
    },
  });
  return {
    ...sharedBacking(timed),
    async remove() {
      await store.close();
      await clock.close();
      for (const end of ends) await end();
    },
  };
}

/** A store that outlives the processes: every service uses the same one. */
export function sharedBacking(store: Store): BackingStore {
  return {
    shared: true,
    open: async () => store,
    died: async () => {},
    ended: async () => {},
    remove: () => store.close(),
  };
}
