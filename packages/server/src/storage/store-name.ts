import { join } from 'node:path';

/** The file of SQLite in a data folder. */
export function sqliteFile(dataDir: string): string {
  return join(dataDir, 'tailrace.sqlite');
}

/** A store in words: `SQLite /srv/data/tailrace.sqlite`, `PostgreSQL db.example:5432/tailrace`. It has no password. */
export function storeName({
  dataDir,
  databaseUrl,
}: {
  readonly dataDir: string;
  readonly databaseUrl?: string | undefined;
}): string {
  if (databaseUrl === undefined) return `SQLite ${sqliteFile(dataDir)}`;
  return URL.canParse(databaseUrl) ? postgresName(new URL(databaseUrl)) : 'PostgreSQL';
}

/** `PostgreSQL host:port/database`; the host may be in the query, where it is a folder with a socket. */
export function postgresName(url: URL): string {
  const { searchParams, hostname, port, pathname } = url;
  return `PostgreSQL ${searchParams.get('host') ?? hostname}:${searchParams.get('port') ?? (port === '' ? '5432' : port)}${pathname}`;
}

/** `memory`, or `Redis host:port`. */
export function limiterName(redisUrl: string | undefined): string {
  if (redisUrl === undefined) return 'memory';
  if (!URL.canParse(redisUrl)) return 'Redis';
  const { hostname, port } = new URL(redisUrl);
  return `Redis ${hostname}:${port === '' ? '6379' : port}`;
}
