import { timers as systemTimers, type TimerQueue } from '../../timers/timer-queue.ts';
import type { Journal, JournalLimits } from '../contract.ts';
import { createMemoryJournal } from '../memory/memory-journal.ts';

/** A journal in memory with the usual bounds. */
export function createTestJournal(
  limits: Partial<JournalLimits> = {},
  timers: TimerQueue = systemTimers,
): Journal {
  const usual = { retentionMs: 600_000, perStreamBytes: 16 * 1024 ** 2, totalBytes: 256 * 1024 ** 2 };
  return createMemoryJournal({ limits: () => ({ ...usual, ...limits }), timers });
}
