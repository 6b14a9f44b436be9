import type { RecordPage, RequestRecord } from './request-record.ts';

/**
 * The list after its newest page was read again. Where that page meets the known records they stay behind it, with what was loaded of
 * older ones. Where it does not, records between them are missing, and the list begins anew.
 */
export function withNewest(known: RecordPage, newest: RecordPage): RecordPage {
  const oldest = newest.records.at(-1);
  if (oldest === undefined || !newest.hasMore) return newest;
  const at = known.records.findIndex(({ id }) => id === oldest.id);
  if (at < 0) return newest;
  return { records: [...newest.records, ...known.records.slice(at + 1)], hasMore: known.hasMore };
}

/** The list with a further page behind it. */
export function withOlder(known: RecordPage, older: RecordPage): RecordPage {
  const ids = new Set(known.records.map(({ id }) => id));
  const added: readonly RequestRecord[] = older.records.filter(({ id }) => !ids.has(id));
  return { records: [...known.records, ...added], hasMore: older.hasMore };
}
