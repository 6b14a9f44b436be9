import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Failure } from '../domain/failure.ts';
import type { Journal, StreamFacts } from '../journal/contract.ts';
import { createMemoryJournal } from '../journal/memory/memory-journal.ts';
import type { Log } from '../telemetry/log.ts';
import { timers } from '../timers/timer-queue.ts';
import { createChatSurface } from '../wire/chat/surface.ts';
import { journalLimits } from './journal-limits.ts';

/**
 * Where the streams that outlive their connections are kept: in the Redis that replicas share, else in this process. The code for
 * Redis is loaded only where it is used. The caller closes the journal. `config`: the configuration in force; a reload may change
 * the bounds.
 */
export async function openJournal(config: () => Config, log: Log): Promise<Journal> {
  const limits = () => journalLimits(config());
  const { redisUrl: url } = config().storage;
  if (url === undefined) return createMemoryJournal({ timers, limits });
  const { openRedisJournal } = await import('../journal/redis/redis-journal.ts');
  return openRedisJournal({
    url,
    timers,
    limits,
    processId: `proc_${randomBytes(8).toString('hex')}`,
    errorPayload,
    onError: (error) =>
      log.warn('Redis does not answer; no stream can be kept or picked up until it does', {
        reason: error.message,
      }),
    onBack: () => log.info('Redis answers again; streams can be kept and picked up'),
  });
}

/** The one surface that there is; its error events do not depend on its settings. */
const chat = createChatSurface({ usageChunk: 'inline' });

/** The payload by which a stream ends whose process is dead. */
export function errorPayload({ stream, requestId }: StreamFacts, reason: Failure): string {
  return stream ? chat.errorEvent(reason, requestId) : '';
}
