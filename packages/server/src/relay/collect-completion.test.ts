import { jsonText } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { collectCompletion } from './collect-completion.ts';
import { createRunRegistry } from './run-registry.ts';

const page: StreamEvent = { type: 'text-delta', choice: 0, json: jsonText('x'.repeat(1024 * 1024)) };
const ending: EventBatch = [{ type: 'finish', choice: 0, reason: 'stop' }];

/** Collects an answer; tells how it ended, and how many batches it left unread. */
async function collected(batches: readonly EventBatch[]) {
  const left = [...batches];
  const runs = createRunRegistry(() => 0);
  const outcome = await collectCompletion({
    run: runs.start({ id: 'c', requestId: 'r', keyId: 'k', model: 'm', stream: false, totalMs: 60_000 }),
    events: {
      next: async () => {
        const value = left.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: async () => ({ done: true, value: undefined }),
    },
    rules: { choices: 1, json: false, promptTokens: () => 1 },
    transcript: undefined,
    identify: () => ({ id: 'c', created: 1, model: 'm', fingerprint: 'f' }),
    now: () => 0,
  });
  for (const run of runs.list()) runs.finish(run);
  return { outcome, unread: left.length };
}

test('an answer within what is held is one object', async () => {
  const { outcome } = await collected([[page, page], ending]);
  expect(outcome.status).toBe('completed');
  expect(outcome.body?.length).toBeGreaterThan(2 * 1024 * 1024);
});

test('a larger one fails, whether or not its end is in the batch that is too much', async () => {
  const pages = Array.from({ length: 33 }, () => page);
  const ends = [[[...pages, ...ending]], [pages, [page], ending]];
  for (const batches of ends) {
    const { outcome, unread } = await collected(batches);
    expect(outcome).toMatchObject({ status: 'failed', failure: { code: 'upstream_protocol' } });
    expect(outcome).not.toHaveProperty('body');
    expect(unread).toBe(batches.length === 1 ? 0 : 1);
  }
});
