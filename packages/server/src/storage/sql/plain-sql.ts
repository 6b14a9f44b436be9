export type PlainValue = string | number | null;

/**
 * Statements as texts, with `$1`, `$2`, … for values. What runs at each start, or beside requests, is written with them: the builder
 * of queries (Kysely) takes 8 MB of memory, and over SQLite it is loaded only for lists, reports and changes of keys.
 */
export interface PlainStatements {
  /** `Row` is what the statement selects; the caller says it. */
  query<Row>(text: string, values?: readonly PlainValue[]): Promise<readonly Row[]>;
}

export interface PlainSql extends PlainStatements {
  /** Commits when `work` resolves, and undoes everything when it rejects. */
  transaction<T>(work: (inside: PlainStatements) => Promise<T>): Promise<T>;
}
