import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { redisFor, withoutRedis } from '../../testing/services.ts';
import { describeJournal, type HarnessLimits } from '../contract.suite.ts';
import type { Journal } from '../contract.ts';
import { openReplica, usualLimits } from './testing/redis-journals.ts';

/** Time passes so many times faster here. */
const faster = 2;

const opened: Journal[] = [];
const ends: (() => Promise<void>)[] = [];
let url = '';

async function open(limits: Partial<HarnessLimits> = {}): Promise<Journal> {
  const { retentionMs = usualLimits.retentionMs } = limits;
  const journal = await openReplica(url, { ...limits, retentionMs: retentionMs / faster });
  opened.push(journal);
  return journal;
}

describe.skipIf(withoutRedis !== undefined)(
  `with a Redis${withoutRedis === undefined ? '' : ` (skipped: ${withoutRedis})`}`,
  () => {
    beforeAll(async () => {
      url = await redisFor((end) => ends.push(end));
    });
    afterAll(async () => {
      for (const journal of opened) await journal.close();
      for (const end of ends) await end();
    });

    describeJournal('in Redis', {
      open,
      openTwo: async (limits) => [await open(limits), await open(limits)],
      pass: (ms) => sleep(ms / faster),
      close: () => Promise.resolve(),
    });
  },
);
