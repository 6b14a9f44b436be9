import { DatabaseSync } from 'node:sqlite';
import type { OpenedStore } from '../opening.ts';
import { migrate } from '../sql/migrate.ts';
import { createConnectionTurns } from '../sqlite/connection-turns.ts';
import { sqliteMigrations } from '../sqlite/migrations.ts';
import { sqliteSql } from '../sqlite/sqlite-sql.ts';
import { createSqliteStore } from '../sqlite/sqlite-store.ts';

/*
 * A database server in the test's memory that treats its clients as PostgreSQL does. It outlives them: what it has acknowledged
 * is kept, and of the calls that a killed client was waiting for, each has been carried out or not, as a seeded choice decides.
 * Behind it is SQLite in memory, so every query is a real one.
 *
 *     call ──later──▶ carried out ──later──▶ acknowledged
 *            ╰ a crash here: perhaps    ╰ a crash here: carried out, and the client never learns it
 */

export interface MemoryServer {
  /** The store as one process has it. */
  connect(): MemoryClient;
  /** The store as an observer has it: calls are carried out at once, and a crash does not concern it. */
  readonly inside: OpenedStore;
  close(): Promise<void>;
}

export interface MemoryClient extends OpenedStore {
  /** The process is killed: none of its calls is answered any more. Resolves when the server has carried out what it does. */
  crash(): Promise<void>;
}

export interface MemoryServerOptions {
  readonly now: () => number;
  /** 0 ≤ x < 1; decides what becomes of the calls of a killed client. */
  readonly random: () => number;
  readonly outbox?: boolean;
  /** How long the way to the server is, and the way back. Default: one turn of the event loop each. */
  readonly later?: (work: () => void) => void;
}

interface Call {
  run(): Promise<void>;
}

/** Starts it with an empty store. The caller closes it. */
export async function startMemoryServer(options: MemoryServerOptions): Promise<MemoryServer> {
  const { now, random, outbox = false, later = setImmediate } = options;
  const database = new DatabaseSync(':memory:');
  await migrate(sqliteSql(database, createConnectionTurns()), {
    migrations: sqliteMigrations,
    lock: async () => {},
    nowMs: now(),
  });
  const store = createSqliteStore({ database, now, outbox });

  function connect(): MemoryClient {
    const waiting = new Set<Call>();
    let crashed = false;

    function send<T>(work: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        // After a crash neither of the two is called: the process that waits is gone.
        const answer = (settle: () => void) => later(() => void (crashed || settle()));
        const call: Call = {
          run: () => {
            waiting.delete(call);
            return work().then(
              (value) => answer(() => resolve(value)),
              (error: unknown) => answer(() => reject(error)),
            );
          },
        };
        if (crashed) return;
        waiting.add(call);
        later(() => {
          if (waiting.has(call)) void call.run();
        });
      });
    }

    const client = new Proxy(store, {
      get(target, name: keyof OpenedStore) {
        if (name === 'exportRows') return target.exportRows;
        // The server lives on without this client.
        if (name === 'close') return async () => {};
        const method = target[name] as (...parameters: unknown[]) => Promise<unknown>;
        return (...parameters: unknown[]) => send(() => method(...parameters));
      },
    });
    return Object.assign(Object.create(client) as OpenedStore, {
      async crash() {
        crashed = true;
        const calls = [...waiting];
        waiting.clear();
        for (const call of calls) if (random() < 0.5) await call.run();
        // Behind the calls that were carried out before.
        await store.ping();
      },
    });
  }

  return { connect, inside: store, close: () => store.close() };
}
