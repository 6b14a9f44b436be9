import { Socket } from 'node:net';
import { type Dialect, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { isConflict, isConnectionFit } from './postgres-error.ts';

/** What runs statements: a client of the pool. */
export type Client = Pick<pg.ClientBase, 'query'>;

/** Connections to one PostgreSQL. Each method rejects with what `pg` throws. */
export interface Pool {
  /** One statement, prepared once for each connection under its name. It commits by itself, and is repeated after a deadlock. */
  run<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<readonly Row[]>;
  /** A transaction; `begin` is a list of statements without parameters, run in the same round trip as its beginning. */
  transaction<T>(begin: string, work: (client: Client) => Promise<T>): Promise<T>;
  /** For Kysely, over the same connections. */
  readonly dialect: Dialect;
  /** Resolves when every connection has ended; those of a server that is silent are cut. */
  close(): Promise<void>;
}

/** Its name stands for its text on each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Runs a statement within the caller's transaction. */
export async function runOn<Row extends pg.QueryResultRow>(
  client: Client,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  return (await client.query<Row>({ name, text, values: [...values] })).rows;
}

/** A store needs few: batches are grouped before they come here, and each has one statement or one transaction. */
const usualConnections = 4;
const connectTimeoutMs = 5_000;
/** The server gives a statement up first; the longer time of the client is for a server that is frozen or cut off. */
const usualTimeoutMs = 10_000;
const longerMs = 2_000;
const maxRepetitions = 5;
/** A server that answers says goodbye in some milliseconds; one that is frozen never does. */
const goodbyeMs = 1_000;

export interface PoolLimits {
  readonly maxConnections?: number;
  readonly statementTimeoutMs?: number;
}

/** Connects with the first statement. Throws where the URL cannot be read. */
export function createPool(
  url: string,
  { maxConnections = usualConnections, statementTimeoutMs = usualTimeoutMs }: PoolLimits = {},
): Pool {
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: url,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + longerMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'tailrace',
    types: { getTypeParser: parserOf },
  });
  // A connection that ends while it is idle, or beside the statement that rejects, says so once more with these events.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });

  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let fit = false;
    try {
      const result = await work(client);
      fit = true;
      return result;
    } catch (error) {
      fit = isConnectionFit(error);
      throw error;
    } finally {
      client.release(!fit);
    }
  }

  const transaction = <T>(begin: string, work: (client: Client) => Promise<T>) =>
    repeated(() =>
      withClient(async (client) => {
        try {
          await client.query(`BEGIN; ${begin}`);
          const result = await work(client);
          await client.query('COMMIT');
          return result;
        } catch (error) {
          if (isConnectionFit(error)) await client.query('ROLLBACK');
          throw error;
        }
      }),
    );

  return {
    run: (statement, values) => repeated(() => withClient((client) => runOn(client, statement, values))),
    transaction,
    dialect: new PostgresDialect({
      pool: { connect: () => connectForKysely(pool), end: async () => {}, options: {} },
    }),
    async close() {
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, goodbyeMs);
      try {
        await pool.end();
      } finally {
        clearTimeout(cut);
      }
    },
  };
}

/** Kysely releases a client whatever has happened to it; one that has failed must not come back into the pool. */
async function connectForKysely(pool: pg.Pool): Promise<PostgresPoolClient> {
  const client = await pool.connect();
  let fit = true;
  const query = async (text: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      fit &&= isConnectionFit(error);
      throw error;
    }
  };
  return {
    // The other overload of this type is for cursors, which the stores do not use.
    query: query as unknown as PostgresPoolClient['query'],
    release: () => client.release(!fit),
  };
}

async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt === maxRepetitions) throw error;
    }
  }
}

/** `bigint` as a number: every value that is stored is a safe integer. */
const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
