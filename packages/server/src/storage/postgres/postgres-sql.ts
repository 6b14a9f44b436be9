import { CompiledQuery, type Kysely } from 'kysely';
import type { PlainSql, PlainStatements } from '../sql/plain-sql.ts';
import type { Tables } from '../sql/tables.ts';

/** Plain statements on the connections of Kysely. */
export function postgresSql(db: Kysely<Tables>): PlainSql {
  return {
    ...statementsOf(db),
    transaction: (work) => db.transaction().execute((transaction) => work(statementsOf(transaction))),
  };
}

function statementsOf(db: Kysely<Tables>): PlainStatements {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      return (await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows;
    },
  };
}
