import { randomUUID } from 'node:crypto';
import { createTimerQueue } from '../../../timers/timer-queue.ts';
import type { Begun, Found, Journal, JournalLimits, StreamView, StreamWriter } from '../../contract.ts';
import { openRedisJournal, type RedisJournalOptions } from '../redis-journal.ts';

/** The bounds of a configuration that says nothing of them. */
export const usualLimits: JournalLimits = {
  retentionMs: 600_000,
  perStreamBytes: 16 * 1024 ** 2,
  totalBytes: 256 * 1024 ** 2,
};

/** A journal as one replica has it. The caller closes it. */
export function openReplica(
  url: string,
  limits: Partial<JournalLimits> = {},
  more: Partial<RedisJournalOptions> = {},
): Promise<Journal> {
  return openRedisJournal({
    url,
    timers: createTimerQueue(() => performance.now()),
    limits: () => ({ ...usualLimits, ...limits }),
    processId: randomUUID(),
    errorPayload: (facts, { code }) => JSON.stringify({ error: { code, request_id: facts.requestId } }),
    ...more,
  });
}

export function writerOf(begun: Begun): StreamWriter {
  if (begun.type === 'begun') return begun.writer;
  throw new Error(begun.type);
}

export function viewOf(found: Found | Begun | { readonly type: 'conflict' }): StreamView {
  if (found.type === 'found' || found.type === 'exists') return found.view;
  throw new Error(found.type);
}
