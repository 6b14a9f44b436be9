import type { Config } from '../config/config.ts';
import type { JournalLimits } from '../journal/contract.ts';

/** The bounds of the journal that a configuration sets. */
export function journalLimits({ stream: { retentionMs, journal } }: Config): JournalLimits {
  return { retentionMs, ...journal };
}
