import type { Store } from '../storage/contract.ts';
import type { SpoolEntry } from './spool-entry.ts';

/** The part of the store that entries of the spool are written to. */
export type EntryStore = Pick<Store, 'keep' | 'progress' | 'settle' | 'discard' | 'noteRefusals'>;

/** One call of the store, for entries of the spool. */
export interface StoreStep {
  readonly entries: readonly SpoolEntry[];
  /** Rejects as the store does; then it may be repeated. */
  write(store: EntryStore): Promise<void>;
}

/**
 * The calls that write entries of the spool to the store, in the order in which they have to be made: one for each kind of
 * entry, or several of at most `most` rows. What a request has said before its end is left out where its end is among the
 * entries: a short request costs the store one row, and no intent.
 */
export function stepsOf(entries: readonly SpoolEntry[], most: number): readonly StoreStep[] {
  const ended = new Set<string>();
  const records: Entry<'settled'>[] = [];
  const discarded: Entry<'discarded'>[] = [];
  for (const entry of entries) {
    if (entry.type === 'settled') records.push(entry);
    else if (entry.type === 'discarded') discarded.push(entry);
    else continue;
    ended.add(idOf(entry));
  }
  const intents: Entry<'intent'>[] = [];
  const marks = new Map<string, Entry<'progress'>>();
  const refusals: Entry<'refused'>[] = [];
  for (const entry of entries) {
    if (ended.has(idOf(entry))) continue;
    if (entry.type === 'intent') intents.push(entry);
    else if (entry.type === 'progress') marks.set(entry.mark.id, entry);
    else if (entry.type === 'refused') refusals.push(entry);
  }
  return [
    ...inPieces(intents, most, (store, piece) => store.keep(piece.map(({ intent }) => intent))),
    ...inPieces([...marks.values()], most, (store, piece) => store.progress(piece.map(({ mark }) => mark))),
    ...inPieces(records, most, (store, piece) => store.settle(piece.map(({ record }) => record))),
    ...inPieces(discarded, most, (store, piece) =>
      store.discard(piece.map(({ id, createdAtMs }) => ({ id, createdAtMs }))),
    ),
    // After the records: they have spent the budget.
    ...inPieces(refusals, most, (store, piece) =>
      store.noteRefusals(piece.map(({ budget, atMs }) => ({ budget, atMs }))),
    ),
  ];
}

type Entry<Type extends SpoolEntry['type']> = Extract<SpoolEntry, { readonly type: Type }>;

function inPieces<One extends SpoolEntry>(
  entries: readonly One[],
  most: number,
  write: (store: EntryStore, piece: readonly One[]) => Promise<void>,
): readonly StoreStep[] {
  const steps: StoreStep[] = [];
  for (let from = 0; from < entries.length; from += most) {
    const piece = entries.slice(from, from + most);
    steps.push({ entries: piece, write: (store) => write(store, piece) });
  }
  return steps;
}

/** The completion, or the budget, that an entry is about. */
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
    case 'refused':
      return entry.budget.scope;
  }
}
