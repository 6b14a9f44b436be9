import type { RecordSpool, SpoolEntry } from '../spool-entry.ts';

/** A spool in memory, whose disk may be full or broken. */
export interface ArraySpool extends RecordSpool {
  answer: 'kept' | 'full' | 'failed';
  readonly entries: readonly SpoolEntry[];
  readonly rejected: readonly SpoolEntry[];
}

export function createArraySpool(): ArraySpool {
  let entries: SpoolEntry[] = [];
  let acknowledged = 0;
  const rejected: SpoolEntry[] = [];
  return {
    answer: 'kept',
    get entries() {
      return entries;
    },
    rejected,
    append(added) {
      if (this.answer === 'kept') entries.push(...added);
      return this.answer;
    },
    read: () => ({ entries: entries.slice(0, 2), position: acknowledged + Math.min(2, entries.length) }),
    acknowledge: (position) => {
      entries = entries.slice(position - acknowledged);
      acknowledged = position;
    },
    get end() {
      return acknowledged + entries.length;
    },
    get bytes() {
      return JSON.stringify(entries).length;
    },
    get acknowledged() {
      return acknowledged;
    },
    reject: (entry) => rejected.push(entry),
    get empty() {
      return entries.length === 0;
    },
    close: () => {},
  };
}
