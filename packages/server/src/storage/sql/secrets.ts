import type { PlainStatements } from './plain-sql.ts';

/** The secret of this name. What `make` returns is stored where there is none; of several processes the first one wins. */
export async function secretOf(sql: PlainStatements, name: string, make: () => string): Promise<string> {
  const found = await storedSecret(sql, name);
  if (found !== undefined) return found;
  await sql.query('INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
    name,
    make(),
  ]);
  const made = await storedSecret(sql, name);
  if (made === undefined) throw new Error(`the secret ${name} was removed while it was made`);
  return made;
}

/** The secret of this name; undefined where none is stored. */
export async function storedSecret(sql: PlainStatements, name: string): Promise<string | undefined> {
  const [row] = await sql.query<{ value: string }>('SELECT value FROM secrets WHERE name = $1', [name]);
  return row?.value;
}
