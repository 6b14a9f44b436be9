import { setImmediate as turn } from 'node:timers/promises';
import type { JsonObject } from '../../domain/json.ts';
import type { ContentBody, RequestContent } from '../contents.ts';
import type { PlainStatements } from './plain-sql.ts';

/** The rows that one statement deletes: other work has its turn between two of them. A row may have a quarter of a megabyte. */
const deletedAtOnce = 50;

/** Stores contents. One that is stored already is left as it is. */
export async function keepContents(sql: PlainStatements, contents: readonly RequestContent[]): Promise<void> {
  for (const { id, createdAtMs, body } of contents) {
    await sql.query(
      'INSERT INTO contents (id, created_at, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING',
      [id, createdAtMs, JSON.stringify(body)],
    );
  }
}

export async function contentOf(sql: PlainStatements, id: string): Promise<RequestContent | undefined> {
  const [row] = await sql.query<{ created_at: number | string; body: string }>(
    'SELECT created_at, body FROM contents WHERE id = $1',
    [id],
  );
  if (row === undefined) return undefined;
  // Only `keepContents` writes there.
  const body = JSON.parse(row.body) as JsonObject & ContentBody;
  return { id, createdAtMs: Number(row.created_at), body };
}

/** Deletes what is older, and resolves with the number. */
export async function retireContents(sql: PlainStatements, beforeMs: number): Promise<number> {
  let deleted = 0;
  for (;;) {
    const rows = await sql.query(
      `DELETE FROM contents WHERE id IN (
        SELECT id FROM contents WHERE created_at < $1 ORDER BY created_at LIMIT ${deletedAtOnce}
      ) RETURNING id`,
      [beforeMs],
    );
    deleted += rows.length;
    if (rows.length < deletedAtOnce) return deleted;
    // Statements of SQLite wait for nothing: without a turn of the event loop no other call would arrive before the end.
    await turn();
  }
}
