import type { RawBuilder } from 'kysely';

/** What the shared queries need to know of their database. */
export interface SqlFlavour {
  /** A column to group by. In SQLite as an expression: in the order of an index it would read a million rows one by one. */
  grouped(column: string): RawBuilder<string | null>;
  /** The value of a tag of the row, or null. `table` is the name or alias of a table with the column `tags`. */
  tagValue(table: string, name: string): RawBuilder<string | null>;
  /** Whether the row has the tag, by an index where the table is `records`. */
  hasTag(table: 'records' | 'intents' | 'retired_usage', name: string, value: string): RawBuilder<boolean>;
}
