import type { Intent, Progress, Settled, Store } from '../storage/contract.ts';
import type { SpoolEntry } from './spool-entry.ts';

/** The part of the store that entries of the spool are written to. */
export type EntryStore = Pick<Store, 'keep' | 'progress' | 'settle' | 'discard'>;

/**
 * Writes entries of the spool to the store, by one call for each kind of them. What a request has said before its end is left
 * out where its end is among the entries: a short request costs the store one row, and no intent. Rejects as the store does;
 * then all of it may be repeated.
 */
export async function applyEntries(store: EntryStore, entries: readonly SpoolEntry[]): Promise<void> {
  const ended = new Set<string>();
  const records: Settled[] = [];
  const discarded: { id: string; createdAtMs: number }[] = [];
  for (const entry of entries) {
    if (entry.type === 'settled') records.push(entry.record);
    else if (entry.type === 'discarded') discarded.push({ id: entry.id, createdAtMs: entry.createdAtMs });
    else continue;
    ended.add(idOf(entry));
  }
  const intents: Intent[] = [];
  const marks = new Map<string, Progress>();
  for (const entry of entries) {
    if (entry.type === 'intent' && !ended.has(entry.intent.id)) intents.push(entry.intent);
    if (entry.type === 'progress' && !ended.has(entry.mark.id)) marks.set(entry.mark.id, entry.mark);
  }
  if (intents.length > 0) await store.keep(intents);
  if (marks.size > 0) await store.progress([...marks.values()]);
  if (records.length > 0) await store.settle(records);
  if (discarded.length > 0) await store.discard(discarded);
}

/** The completion that an entry is about. */
export function idOf(entry: SpoolEntry): string {
  switch (entry.type) {
    case 'intent':
      return entry.intent.id;
    case 'progress':
      return entry.mark.id;
    case 'settled':
      return entry.record.id;
    case 'discarded':
      return entry.id;
  }
}
