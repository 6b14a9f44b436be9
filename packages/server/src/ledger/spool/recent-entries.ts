import type { SpoolEntry } from '../spool-entry.ts';

/** The entries of a spool from some position to its end, in memory, as long as they are few. */
export interface RecentEntries {
  /** Entries that have been appended between two positions. */
  add(entries: readonly SpoolEntry[], start: number, end: number): void;
  /** Those from a position to the end; undefined where they must be read from the disk. */
  after(position: number): { readonly entries: readonly SpoolEntry[]; readonly position: number } | undefined;
  /** Those before a position are not asked for again. */
  drop(position: number): void;
}

interface Group {
  readonly entries: readonly SpoolEntry[];
  readonly start: number;
  readonly end: number;
}

/** Where more than `maxBytes` wait, they are read from the disk, but for the last of them. */
export function createRecentEntries(maxBytes: number): RecentEntries {
  let groups: Group[] = [];

  return {
    add(entries, start, end) {
      const first = groups[0]?.start ?? start;
      // Before it there may be what a dead process has left.
      if (end - first > maxBytes || groups.at(-1)?.end !== start) groups = [];
      if (end - first <= maxBytes) groups.push({ entries, start, end });
    },
    after(position) {
      const last = groups.at(-1);
      if (groups[0]?.start !== position || last === undefined) return undefined;
      return { entries: groups.flatMap((group) => group.entries), position: last.end };
    },
    drop(position) {
      const left = groups.findIndex(({ end }) => end > position);
      groups = left < 0 ? [] : groups.slice(left);
    },
  };
}
